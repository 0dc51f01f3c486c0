/** `run` and the bare form: one snippet, its output as it comes, its end as the exit code. */
import { runClassic } from '../../client/classic.js';
import { Run } from '../../client/run.js';
import { toRunMessage } from '../../client/run_options.js';
import { formatAddress } from '../../protocol/address.js';
import { SockPythonError } from '../../protocol/errors.js';
import { encodeJson } from '../../protocol/json.js';
import { detachRun } from '../detach.js';
import { EXIT } from '../exit_codes.js';
import { UsageError } from '../failure.js';
import type { Io } from '../io.js';
import { Output } from '../output.js';
import { TextRenderer } from '../render.js';
import { driveRun } from '../run_driver.js';
import { nativeOnlyFlag, parseBare, parseRun, type RunPlan, toRunOptions } from '../run_plan.js';
import { makeRunView } from '../run_view.js';
import { openConnection, SideLine } from '../session_link.js';
import { readSnippet } from '../snippet_source.js';
import { explainConnect, findTarget, type Target } from '../target.js';
import { escapeLine } from '../text.js';

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  await runPlan(parseRun(args, io), io);
}

export async function bareCommand(args: readonly string[], io: Io): Promise<void> {
  await runPlan(parseBare(args, io), io);
}

async function runPlan(plan: RunPlan, io: Io): Promise<void> {
  // A file that cannot be read is told before anything is started or asked.
  const early = plan.source.kind === 'stdin' ? undefined : await readSnippet(plan.source, io);
  if (plan.start) await startFirst(plan, io);
  const target = findTarget(plan.address, plan.target, io);
  const exitCode = target.classic
    ? await runOnClassic(plan, target, early, io)
    : await runNative(plan, target, early, io);
  io.setExitCode(exitCode);
}

async function runNative(plan: RunPlan, target: Target, early: string | undefined, io: Io): Promise<number> {
  const output = new Output(io);
  // Connected before standard input is read: who types should know that somebody listens.
  const stream = await openConnection(target);
  const control = new SideLine(target);
  try {
    const code = early ?? (await readSnippet(plan.source, io));
    const options = toRunOptions(plan);
    const message = toRunMessage(code, options);
    const run = new Run({ stream, control, message, flow: stream, onSettled: () => {} }, options);
    const view = makeRunView(plan, output);
    if (plan.detach) return await detachRun({ run, view, output, json: plan.json });
    return await driveRun({
      run,
      view,
      output,
      io,
      answersInput: plan.source.kind !== 'stdin',
      onCtrlC: 'interrupt',
      isLeftRunning: plan.onDisconnect === 'keep',
      ...(plan.waitMs === undefined ? {} : { waitMs: plan.waitMs }),
    });
  } catch (error) {
    throw withRevival(error);
  } finally {
    stream.destroy();
    control.destroy();
  }
}

/** A session without a kernel takes no runs, but is not beyond help. */
function withRevival(error: unknown): unknown {
  if (!(error instanceof SockPythonError) || error.code !== 'kernel_failed_to_start') return error;
  const { code, message, details } = error;
  return new SockPythonError(code, `${message}; sock-python restart tries again`, { details, cause: error });
}

async function runOnClassic(plan: RunPlan, target: Target, early: string | undefined, io: Io): Promise<number> {
  const flag = nativeOnlyFlag(plan);
  if (flag !== undefined) throw new UsageError(`an original sock_python server knows no ${flag}`);
  const output = new Output(io);
  const code = early ?? (await readSnippet(plan.source, io));
  const onWarning = (text: string): void => output.notice(escapeLine(text));
  const result = await runClassic(target.address, code, { onWarning }).catch((error: unknown) => {
    throw explainConnect(error, target);
  });
  const exitCode = result.exception === '' ? EXIT.ok : EXIT.raised;
  if (plan.json) {
    const line = encodeJson({ captured: result.output, exception: result.exception });
    await output.write([{ stream: 'stdout', text: `${line}\n` }]);
    return exitCode;
  }
  const renderer = new TextRenderer();
  await output.write(renderer.render({ event: 'get', run: 0, text: result.output }));
  if (output.isTerminal) await output.write(renderer.finish());
  if (result.exception !== '') await output.write([{ stream: 'stderr', text: `${result.exception}\n` }]);
  return exitCode;
}

async function startFirst({ address, target }: RunPlan, io: Io): Promise<void> {
  const { session } = target;
  const args = [
    ...(session === undefined ? [] : [`--session=${session}`]),
    ...(address === undefined ? [] : ['--', formatAddress(address)]),
  ];
  const [{ parseServe }, { ensureRunning }, { inWords }] = await Promise.all([
    import('../serve_plan.js'),
    import('../ensure_running.js'),
    import('./start.js'),
  ]);
  const running = await ensureRunning(parseServe('start', args, io), args, io);
  if (running.isNew) io.stderr.write(`sock-python: ${inWords(running)}\n`);
}

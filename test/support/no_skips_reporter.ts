/**
 * Where everything is required (`CI` or `REQUIRE_ALL` is set), a test that was skipped fails the run: a skipped
 * test looks like a passed one, and proves nothing.
 */
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { isEverythingRequired } from './requirements.js';

export default class NoSkipsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')]);
    if (skipped.length === 0) return;
    const required = isEverythingRequired();
    const names = skipped.map((test: TestCase) => `  ${test.module.relativeModuleId} > ${test.fullName}`);
    const verdict = required ? 'is a failure here' : 'would be a failure in CI';
    process.stdout.write(`\n${skipped.length} test(s) skipped, which ${verdict}:\n${names.join('\n')}\n`);
    if (required) process.exitCode = 1;
  }
}

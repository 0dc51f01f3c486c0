/** The Python stack that faulthandler wrote as the kernel died. */
import { readFileSync } from 'node:fs';

/** Frames of ours, which stand below the user's: the kernel's file, and the line that loaded it. */
const OURS = /^ {2}File "(.*\/session_kernel\.py|<string>)", line \d+ in /;

/** Its lines without frames of ours; empty if nothing was written. */
export function readFaultStack(path: string): string {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    return lines
      .filter((line) => !OURS.test(line))
      .join('\n')
      .trim();
  } catch {
    return '';
  }
}

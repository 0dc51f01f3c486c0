/** How the names begin under which a process makes its sockets, before they get their place. */
export function draftPrefix(pid: number): string {
  return `.${pid.toString(36)}-`;
}

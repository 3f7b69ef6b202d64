/**
 * For bash, before it becomes another program: lets go of what libraries of this process have left open to its children, from
 * the given number on. The client of ZooKeeper does so with its connections. If it loses one that a child still has, libuv hears
 * of that without end, and takes it for news of whatever has the same number next.
 */
export function lettingGo(from: number): string {
  return `for fd in /proc/$$/fd/*; do fd=\${fd##*/}; ((fd < ${from})) || eval "exec $fd>&-"; done`;
}

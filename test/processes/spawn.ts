import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { lettingGo } from '../servers/letting-go';

/** Runs a file in TypeScript in a process of its own, which has a channel to us and nothing else of ours. */
export function spawnScript(file: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): ChildProcess {
  const { NODE_OPTIONS: _, ...env } = { ...process.env, ...more };
  const command = [process.execPath, '--require', join(__dirname, '../../scripts/typescript.cjs'), file, ...args];
  const become = `${lettingGo(4)}; exec "$0" "$@"`; // 3 is the way to us
  return spawn('/bin/bash', ['-c', become, ...command], { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
}

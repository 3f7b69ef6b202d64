import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const FOLDER = '/usr/share/java';

/** Debian's; their manifests name all other libraries that they need, but none to log with. */
const JARS = ['zookeeper', 'curator-recipes', 'slf4j-simple'].map((name) => `${FOLDER}/${name}.jar`);
const ADVICE =
  'please install default-jdk-headless libzookeeper-java libcurator-recipes-java libslf4j-java (as Debian and Ubuntu call them).';

export const NO_JAVA = `Found no java: ${ADVICE}`;

/** The command of a Java program, with the options that Java has by itself. @throws Error that says what to install */
export function java(logLevel, ...program) {
  const missing = JARS.find((jar) => !existsSync(jar));
  if (missing) throw new Error(`Found no ${missing}: ${ADVICE}`);
  return ['java', `-Dorg.slf4j.simpleLogger.defaultLogLevel=${logLevel}`, '-cp', JARS.join(':'), ...program];
}

/** The version of Curator, from the name of its file's other link. */
export function curatorVersion() {
  return /^curator-recipes-([\d.]+)\.jar$/m.exec(readdirSync(FOLDER).join('\n'))?.[1] ?? 'unknown';
}

/** A process of CuratorBench.java, used as a forked process of Node.js is. */
export class JavaWorker extends EventEmitter {
  #process;

  constructor(...args) {
    super();
    const source = fileURLToPath(new URL('contenders/zookeeper/CuratorBench.java', import.meta.url));
    const [program, ...rest] = java('warn', source, ...args);
    this.#process = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process.stdin.on('error', () => undefined); // its end is told below
    this.#process.on('error', () => this.emit('exit', 'no java'));
    this.#process.on('exit', (...how) => this.emit('exit', ...how));
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.emit('message', JSON.parse(line)));
  }

  /** As one line: the task, and `name=value`, with tabs between them. */
  send({ task, params }) {
    const given = Object.entries(params).filter(([, value]) => value !== undefined);
    this.#process.stdin.write(`${[task, ...given.map(([name, value]) => `${name}=${value}`)].join('\t')}\n`);
  }

  kill(signal) {
    this.#process.kill(signal);
  }
}

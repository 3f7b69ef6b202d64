import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Debian's; their manifests name all other libraries that they need, but none to log with. */
const JARS = ['zookeeper', 'curator-recipes', 'slf4j-simple'].map((name) => `/usr/share/java/${name}.jar`);
const PACKAGES = 'default-jdk-headless libzookeeper-java libcurator-recipes-java libslf4j-java';

/** The command of a Java program, with the options that Java has by itself. @throws Error that says what to install */
export function java(logLevel, ...program) {
  const missing = JARS.find((jar) => !existsSync(jar));
  if (missing) throw new Error(`Found no ${missing}: please install ${PACKAGES} (the names on Debian and Ubuntu).`);
  return ['java', `-Dorg.slf4j.simpleLogger.defaultLogLevel=${logLevel}`, '-cp', JARS.join(':'), ...program];
}

/** The version of Curator, from the name of its file. */
export function curatorVersion() {
  return /-([\d.]+)\.jar$/.exec(realpathSync(JARS[1]))?.[1] ?? 'unknown';
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

// What the tests are told about the federation that they look at. All of it comes
// from the environment; the script that starts the stack sets it.
import { execFileSync } from 'node:child_process';

function need(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; see support/env.ts`);
  return value;
}

export const env = {
  baseUrl: need('FED_BASE_URL'), // https://localhost:PORT
  tokens: {
    creator: need('FED_TOKEN_CREATOR'),
    viewer: need('FED_TOKEN_VIEWER'),
    admin: need('FED_TOKEN_ADMIN'),
  },
  workload: need('FED_WORKLOAD'), // name of one that at least two running Islands accept
  island: need('FED_ISLAND'), // host_id of the Island that the two commands are about
  killCommand: need('FED_KILL_ISLAND'), // shell commands: kill it,
  startCommand: need('FED_START_ISLAND'), // and start it again
  sqlCommand: need('FED_SQL'), // a program that runs the SQL in its argument as superuser
  screenshots: process.env.FED_SCREENSHOTS ?? null, // a directory; without it no pictures are taken
  chromium: process.env.FED_CHROMIUM ?? '/usr/bin/chromium',
};

// The Island that was started must not hold our output open.
const run = (command: string): void => void execFileSync('/bin/sh', ['-c', command], { stdio: ['ignore', 'ignore', 'inherit'] });

// What no request can do; answers rows, their columns with | between.
export const sql = (statements: string): string =>
  execFileSync(env.sqlCommand, [statements], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();

export const killIsland = (): void => run(env.killCommand);
export const startIsland = (): void => run(env.startCommand);

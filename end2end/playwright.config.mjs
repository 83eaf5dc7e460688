import { defineConfig } from '@playwright/test';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Chosen once by the main process; the workers inherit them through the environment.
if (!process.env.UNDERTONE_E2E_PORT) {
  process.env.UNDERTONE_E2E_PORT = String(await freePort());
  process.env.UNDERTONE_E2E_SANDBOX = String(await freePorts(4));
  process.env.UNDERTONE_E2E_DATA = mkdtempSync(join(tmpdir(), 'undertone-e2e-'));
}
const port = process.env.UNDERTONE_E2E_PORT;
const data = process.env.UNDERTONE_E2E_DATA;
const origin = `http://127.0.0.1:${port}`;

export default defineConfig({
  testDir: './tests',
  timeout: 60_000,
  expect: { timeout: 10_000 },
  workers: 1,
  retries: 0,
  forbidOnly: true,
  reporter: [['list']],
  outputDir: './out',
  webServer: {
    command: [
      process.env.UNDERTONE_BIN ?? '../target/debug/undertone', 'serve', '--demo',
      '--listen', `127.0.0.1:${port}`, '--metrics-listen', '127.0.0.1:0',
      '--sandbox-listen', `127.0.0.1:${process.env.UNDERTONE_E2E_SANDBOX}`,
      '--database-url', `sqlite://${data}/undertone.db`, '--secret-key-file', `${data}/secret.key`, '--log', 'warn',
    ].join(' '),
    // Printed once the demo has lived through its past; before that the port serves only its webhooks' purpose.
    wait: { stdout: /Undertone is at/ },
    reuseExistingServer: false,
    timeout: 120_000,
    stdout: 'pipe',
  },
  use: {
    baseURL: origin,
    actionTimeout: 10_000,
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
    },
  },
  projects: [
    { name: 'scripts', testIgnore: /without-scripts/ },
    { name: 'no-scripts', testMatch: /without-scripts/, use: { javaScriptEnabled: false } },
  ],
});

function listen(at) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(at, '127.0.0.1', () => resolve(server));
  });
}

async function freePort() {
  const server = await listen(0);
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** The first of `count` free ports in a row. */
async function freePorts(count) {
  for (let tries = 0; tries < 50; tries += 1) {
    const first = await freePort();
    const held = [];
    try {
      for (let next = 0; next < count; next += 1) held.push(await listen(first + next));
      return first;
    } catch {
      // One of the row is taken: another row.
    } finally {
      await Promise.all(held.map((server) => new Promise((done) => server.close(done))));
    }
  }
  throw new Error(`found no ${count} free ports in a row`);
}

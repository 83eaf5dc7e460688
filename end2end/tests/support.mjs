import AxeBuilder from '@axe-core/playwright';
import { expect } from '@playwright/test';

export const PASSWORD = 'a few unrelated words';

/** Base address of a stand-in of the sandbox. */
export function stand(product) {
  const step = { connectwise: 0, autotask: 1, halopsa: 2 }[product];
  return `http://127.0.0.1:${Number(process.env.UNDERTONE_E2E_SANDBOX) + step}`;
}

/** Collects what the console complains of; call the answer at the end. */
export function listenForErrors(page) {
  const errors = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) errors.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => errors.push(`${page.url()}: ${error}`));
  return () => expect(errors).toEqual([]);
}

export async function isAccessible(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((found) => `${page.url()}: ${found.id} (${found.nodes[0].html})`)).toEqual([]);
}

export async function fitsTheScreen(page) {
  const { wide, view } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth, view: document.documentElement.clientWidth,
  }));
  expect(wide, `${page.url()} scrolls sideways`).toBeLessThanOrEqual(view);
}

export async function signIn(page, email, password) {
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
}

/** A new workspace, connected to the ConnectWise stand-in, live, with its webhook registered there. */
export async function newWorkspace(page, email) {
  await page.goto('/sign-up');
  await page.getByLabel('Company').fill('Quayside IT');
  await page.getByLabel('Your name').fill('Robin Quay');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Make the workspace' }).click();
  await expect(page).not.toHaveURL(/sign-up/);

  await page.goto('/connections?psa=connectwise&fill=sandbox');
  await page.getByLabel('Private key').fill('sandboxPrivateKey');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Test the connection' }).click();
  await expect(page.getByText('working').first()).toBeVisible();
}

/** What the MSP's administrator does in ConnectWise: registers the callback. */
export async function registerCallback(page) {
  await page.goto('/connections');
  const address = await page.getByText(/\/hooks\/connectwise\/\S+/).first().textContent();
  const url = address.match(/http\S+recordId=/)[0];
  const credentials = Buffer.from('examplemsp+sandboxPublicKey:sandboxPrivateKey').toString('base64');
  const answer = await fetch(`${stand('connectwise')}/v4_6_release/apis/3.0/system/callbacks`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${credentials}`, 'content-type': 'application/json',
      clientId: '5f1d9c1e-8a2b-4c55-9d1a-6f0b7c3f2e10',
    },
    body: JSON.stringify({ description: 'Undertone', url, objectId: 1, type: 'ticket', level: 'owner' }),
  });
  expect(answer.status, await answer.text()).toBe(201);
}

/** As a customer's mail would: through the stand-in's own page. */
export async function createTicket(page, title, note) {
  await page.goto(stand('connectwise'));
  await page.getByLabel('Title').fill(title);
  await page.getByLabel('Note').fill(note);
  await page.getByRole('button', { name: /create/i }).click();
}

/** The demo's own workspace hears of the stand-in's tickets too. So that it does not act before ours does, it only looks on. */
export async function quietDemo(page) {
  await signIn(page, 'owner@connectwise.example', 'demo workspace');
  await page.goto('/policy');
  await page.getByRole('button', { name: 'Back to shadow mode' }).click();
  await expect(page.getByText('Shadow', { exact: false }).first()).toBeVisible();
  await page.context().clearCookies();
}

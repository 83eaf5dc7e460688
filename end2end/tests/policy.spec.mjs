import { expect, test } from '@playwright/test';
import { fitsTheScreen, isAccessible, listenForErrors, signIn } from './support.mjs';

const counts = async (page) =>
  Promise.all((await page.locator('.what-if-table td[data-count]').all()).map(async (cell) => Number(await cell.getAttribute('data-count'))));

/** Touched, raised, handed over: as the server says it in words. */
async function told(page) {
  const words = await page.locator('.past p').first().textContent();
  const found = words.match(/^(\d+) of the last \d+ scored tickets would have been changed: (\d+) with a field raised, (\d+) handed over/);
  if (found) return found.slice(1).map(Number);
  expect(words).toMatch(/^None of the last/);
  return [0, 0, 0];
}

async function choose(page, dimension, step) {
  const group = page.getByRole('group', { name: `${dimension} threshold` });
  await group.getByRole('radio', { name: new RegExp(`^${step}`) }).check();
}

/** Waits until the panel has what it needs to answer by itself. */
async function follows(page) {
  let step = 'off';
  await expect(async () => {
    const before = await counts(page);
    step = step === 'off' ? '1 or' : 'off';
    for (const dimension of ['sentiment', 'urgency', 'impact']) await choose(page, dimension, step);
    expect(await counts(page)).not.toEqual(before);
  }).toPass();
}

test('moving a threshold shows at once what it would have done, as the server says', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, 'owner@autotask.example', 'demo workspace');
  // The server is held back until the browser has answered by itself.
  let release = null;
  await page.route('**/do/policy-look', async (route) => {
    if (release) await release;
    await route.continue();
  });
  await page.route('**/do/policy-past', async (route) => {
    if (release) await release;
    await route.continue();
  });
  await page.goto('/policy');
  await follows(page);
  const seen = new Set();
  for (const [sentiment, urgency, impact] of [['3 or', '4 or', '4 or'], ['1 or', '1 or', '1 or'], ['5', 'off', '2 or'], ['off', 'off', 'off']]) {
    const before = await counts(page);
    let go;
    release = new Promise((resolve) => { go = resolve; });
    await choose(page, 'urgency', urgency);
    await choose(page, 'impact', impact);
    await choose(page, 'sentiment', sentiment);
    const here = await counts(page);
    expect(here).not.toEqual(before);
    release = null;
    go();
    // New tickets are scored meanwhile; the form is nudged so that both are asked about the same ones.
    await expect(async () => {
      await page.locator('.what-if').dispatchEvent('input');
      await expect.poll(async () => String(await told(page)) === String(await counts(page)), { timeout: 2_000 }).toBe(true);
    }).toPass();
    seen.add(here.join());
  }
  expect(seen.size).toBe(4);
  await isAccessible(page);

  // Another target: the server says what it means, and the browser goes on from there.
  const past = page.waitForResponse((response) => response.url().endsWith('/do/policy-past'));
  await page.getByLabel('Hand to').selectOption({ index: 0 });
  await past;
  await page.getByLabel('About').fill('9999');
  await page.getByLabel('About').press('Enter');
  await expect(page.getByText(/The nearest is .* a day. Nothing is saved yet./)).toBeVisible();
  await expect(page.getByRole('group', { name: 'sentiment threshold' }).getByRole('radio', { name: /^1 or/ })).toBeChecked();
  await expect(page).toHaveURL(/\/policy$/);
  for (const width of [390, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await fitsTheScreen(page);
  }
  // The arrow keys move it, as they do a slider.
  await page.getByRole('group', { name: 'sentiment threshold' }).getByRole('radio', { name: /^1 or/ }).press('ArrowRight');
  await expect(page.getByRole('group', { name: 'sentiment threshold' }).getByRole('radio', { name: /^2 or/ })).toBeChecked();
  noErrors();
});

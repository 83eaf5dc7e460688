import { expect, test } from '@playwright/test';
import {
  createTicket, isAccessible, fitsTheScreen, listenForErrors, newWorkspace, quietDemo, registerCallback, signIn, stand,
} from './support.mjs';

const ANGRY = 'This is the third time I report this and NOBODY calls back. We are furious, the whole office cannot work. '
  + 'Fix this today or we cancel our contract.';

test('an angry ticket is read, scored, acted on and explained, from sign-up to the note in the PSA', async ({ page }) => {
  test.setTimeout(120_000);
  const noErrors = listenForErrors(page);
  await quietDemo(page);
  await newWorkspace(page, 'robin@quayside.example');

  await page.goto('/policy');
  await page.getByRole('group', { name: 'sentiment threshold' }).getByRole('radio', { name: '4 or greater' }).check();
  await page.getByLabel('Move to the board').selectOption({ label: 'Help Desk' });
  await page.getByLabel('With status').selectOption({ label: 'Escalated' });
  await page.getByRole('button', { name: 'Save the policy' }).click();
  await expect(page.getByText(/saved/i).first()).toBeVisible();
  await page.getByRole('link', { name: 'Go live…' }).click();
  await page.getByRole('button', { name: 'Go live now' }).click();
  await expect(page.getByText('Live', { exact: true }).first()).toBeVisible();
  await registerCallback(page);

  const title = `Phones dead again ${Date.now()}`;
  await createTicket(page, title, ANGRY);

  await expect(async () => {
    await page.goto('/tickets');
    await expect(page.getByText(title).first()).toBeVisible({ timeout: 500 });
    await expect(page.getByRole('row', { name: new RegExp(title) })).toContainText('escalated', { timeout: 500 });
  }).toPass({ timeout: 20_000 });
  await page.getByRole('link', { name: title }).first().click();
  await expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible();
  await expect(page.getByText(/sentiment 5 ≥ 4/i).first()).toBeVisible();
  await expect(page.getByText(/Undertone ref/).first()).toBeVisible();
  await isAccessible(page);
  await fitsTheScreen(page);

  noErrors();
  await page.goto(stand('connectwise'));
  await page.getByRole('link', { name: title }).first().click();
  await expect(page.getByText(/Undertone escalated this ticket/).first()).toBeVisible();
});

test('every page of a busy workspace is accessible, quiet and as wide as the screen', async ({ page }) => {
  test.setTimeout(120_000);
  const noErrors = listenForErrors(page);
  await signIn(page, 'owner@autotask.example', 'demo workspace');
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      for (const path of ['/', '/tickets', '/clients', '/activity', '/policy', '/prompt', '/accuracy', '/connections', '/import', '/tokens', '/settings', '/setup']) {
        const answer = await page.goto(path);
        expect(answer.status(), path).toBe(200);
        await fitsTheScreen(page);
        if (width === 1440) await isAccessible(page);
      }
    }
  }
  noErrors();
});

test('a wrong password says so, and not whether the address exists', async ({ page }) => {
  for (const email of ['owner@autotask.example', 'nobody@nowhere.example']) {
    await page.goto('/sign-in');
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('alert').first()).toBeVisible();
    await expect(page).toHaveURL(/sign-in/);
  }
});

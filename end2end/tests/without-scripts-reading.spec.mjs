import { expect, test } from '@playwright/test';
import { PASSWORD, createTicket, fitsTheScreen, listenForErrors, newWorkspace, signIn } from './support.mjs';

const EMAIL = 'reader@quayside.example';
const saved = (page, words = /^Saved/) => expect(page.getByText(words).first()).toBeVisible();
const save = (page, section) => section.getByRole('button', { name: 'Save', exact: true }).click();
const section = (page, title) => page.locator('section').filter({ has: page.getByRole('heading', { name: title, exact: true }) });

test.describe.configure({ mode: 'serial' });

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await newWorkspace(page, EMAIL);
  await page.close();
});

test('every page of a busy workspace is read without scripts', async ({ page }) => {
  test.setTimeout(90_000);
  const noErrors = listenForErrors(page);
  await signIn(page, 'owner@autotask.example', 'demo workspace');
  await page.goto('/tickets?label=negative');
  const ticket = await page.locator('main a.row-link').first().getAttribute('href');
  await page.goto('/clients');
  const client = (await page.locator('main a.row-link').first().getAttribute('href')).split('?')[0];
  await page.goto('/activity');
  const call = await page.locator('main a.row-link').first().getAttribute('href');
  const pages = {
    '/': 'Overview', '/tickets': 'Tickets', '/clients': 'Clients', '/activity': 'Activity', '/policy': 'Policy',
    '/policy?mode=live': 'Go live', '/prompt': 'Prompt', '/accuracy': 'Accuracy', '/connections': 'Connections',
    '/import': 'Import the past', '/tokens': 'API tokens', '/settings': 'Settings', '/setup': 'Set-up',
    [ticket]: '', [client]: '', [`${client}/report`]: '', [call]: 'Webhook about ticket',
  };
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    for (const [path, title] of Object.entries(pages)) {
      expect((await page.goto(path)).status(), path).toBe(200);
      await expect(page.getByRole('heading', { level: 1 }), path).toContainText(title);
      await fitsTheScreen(page);
    }
  }
  // A list is gone through, and sorted, by links alone.
  await page.goto('/tickets');
  const first = await page.locator('main a.row-link').first().getAttribute('href');
  await page.getByRole('link', { name: 'Older', exact: true }).click();
  await expect(page.locator('main a.row-link').first()).not.toHaveAttribute('href', first);
  await page.goto('/tickets');
  await page.getByRole('columnheader', { name: 'Sentiment' }).getByRole('link').click();
  await expect(page.getByRole('columnheader', { name: 'Sentiment' })).toHaveAttribute('aria-sort', 'descending');
  noErrors();
});

test('a webhook is registered, and the ticket that comes is read and judged, without scripts', async ({ page }) => {
  await signIn(page, EMAIL, PASSWORD);
  await page.goto('/setup?step=webhook');
  await page.getByRole('button', { name: /^Register the webhook/ }).click();
  await expect(page.getByRole('status').first()).toBeVisible();
  const title = `Label printer ${Date.now()}`;
  await createTicket(page, title, 'The label printer is still not working. This is the third time.');
  await expect(page.getByRole('heading', { level: 2, name: title })).toBeVisible();
  await page.goto('/setup?step=webhook');
  await expect(async () => {
    await page.getByRole('link', { name: 'Refresh' }).click();
    await expect(page.getByRole('link', { name: title })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });

  await page.goto('/tickets');
  await page.getByLabel('Search').fill(title);
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.getByRole('link', { name: title }).click();
  await page.getByRole('form', { name: 'Is this urgency score right?' }).getByRole('button', { name: 'too low' }).click();
  await expect(page.getByText('Noted: the urgency score is too low.')).toBeVisible();
  await page.goto('/accuracy');
  await expect(page.getByRole('link', { name: title })).toBeVisible();
});

test('past tickets are listed, allowed and stopped without scripts', async ({ page }) => {
  test.setTimeout(90_000);
  await signIn(page, EMAIL, PASSWORD);
  await page.goto('/import');
  await page.getByLabel('Tickets created in the last').selectOption('30');
  await page.getByRole('button', { name: 'List them' }).click();
  await expect(page.getByText('The list of past tickets is being read.')).toBeVisible();
  const estimate = page.getByRole('heading', { name: 'What it will take' });
  const again = page.getByRole('link', { name: 'Look again' });
  await expect(async () => {
    if (await again.isVisible()) await again.click();
    await expect(estimate).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 40_000 });
  await page.getByLabel('At most so many tickets').fill('0');
  await page.getByRole('button', { name: 'Read and score them' }).click();
  await expect(page.getByText('Enter a whole number from 1 on, or nothing.')).toBeVisible();
  await expect(page.getByLabel('At most so many tickets')).toHaveValue('0');
  await page.getByLabel('At most so many tickets').fill('2');
  await page.getByRole('button', { name: 'Read and score them' }).click();
  await expect(page.getByText('Past tickets are read and scored.')).toBeVisible();
  await expect(async () => {
    if (await again.isVisible()) await again.click();
    await expect(page.getByText('2 of 2 tickets are through')).toBeVisible({ timeout: 500 });
    await expect(page.getByText('the number of tickets you allowed is reached')).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 40_000 });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled. What was scored stays.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'List them' })).toBeVisible();
});

test('the workspace, its people and one’s own password are changed without scripts', async ({ page }) => {
  await signIn(page, EMAIL, PASSWORD);
  await page.goto('/settings');
  await section(page, 'Workspace').getByLabel('Name').fill('Quayside without scripts');
  await page.getByLabel('Time zone').fill('europe/berlin');
  await save(page, section(page, 'Workspace'));
  await saved(page);
  await expect(page.getByLabel('Time zone')).toHaveValue('Europe/Berlin');
  await page.getByLabel('Time zone').fill('Nowhere');
  await save(page, section(page, 'Workspace'));
  await expect(page.getByText('There is no such time zone.', { exact: false })).toBeVisible();

  await page.goto('/settings');
  await page.getByLabel('Keep texts for so many days').fill('7');
  await save(page, section(page, 'Texts'));
  await expect(page.getByText('Choose 30 to 3650 days, or leave it empty.')).toBeVisible();
  await page.getByLabel('Keep texts for so many days').fill('90');
  await save(page, section(page, 'Texts'));
  await saved(page, 'Saved: texts are kept for 90 days.');

  await page.getByText('Add a person', { exact: true }).click();
  const people = section(page, 'People');
  await people.getByLabel('E-mail').fill('helper@quayside.example');
  await people.getByLabel('Role').selectOption('viewer');
  await people.getByRole('button', { name: 'Add them' }).click();
  await expect(people.getByRole('row', { name: /helper@quayside.example/ })).toBeVisible();
  await people.getByLabel('Remove helper@quayside.example').click();
  await people.getByRole('button', { name: 'Remove them' }).click();
  await expect(page.getByText('They can no longer sign in to this workspace.')).toBeVisible();

  await page.getByText('Change your password', { exact: true }).click();
  await page.getByLabel('Password now').fill('not it at all');
  await page.getByLabel('New password').fill('some other words entirely');
  await page.getByRole('button', { name: 'Change it' }).click();
  await expect(page.getByText('This is not the password you have now.')).toBeVisible();
  await page.getByLabel('Password now').fill(PASSWORD);
  await page.getByLabel('New password').fill('some other words entirely');
  await page.getByRole('button', { name: 'Change it' }).click();
  await expect(page.getByText('Your password is changed.', { exact: false })).toBeVisible();
  await page.context().clearCookies();
  await signIn(page, EMAIL, 'some other words entirely');
});

test('policy, prompt, tokens and views are made and changed without scripts', async ({ page }) => {
  await signIn(page, EMAIL, 'some other words entirely');
  await page.goto('/policy');
  const threshold = page.getByRole('group', { name: 'sentiment threshold' });
  await threshold.getByRole('radio', { name: '2 or greater' }).check();
  await page.getByLabel('Move to the board').selectOption({ label: 'Help Desk' });
  await page.getByRole('button', { name: 'Show this board’s teams and statuses' }).click();
  await page.getByRole('button', { name: 'Save the policy' }).click();
  await expect(page.getByText(/^Choose a status of the new board/)).toBeVisible();
  await page.getByLabel('With status').selectOption({ label: 'Escalated' });
  await page.getByRole('button', { name: 'Show what it does' }).click();
  await expect(page.getByText('Not saved yet.')).toBeVisible();
  await page.getByLabel('About').fill('9999');
  await page.getByRole('button', { name: 'Propose thresholds' }).click();
  await expect(page.getByText(/^The nearest is .* a day\. Nothing is saved yet\.$/)).toBeVisible();
  await threshold.getByRole('radio', { name: '1 or greater' }).check();
  await page.getByRole('button', { name: 'Save the policy' }).click();
  await saved(page, /^Saved as version/);
  await page.getByRole('row').filter({ has: page.getByRole('button', { name: 'Restore' }) }).first().getByRole('button').click();
  await expect(page.getByText(/is in force again, as version/)).toBeVisible();

  await page.goto('/prompt');
  const template = page.getByLabel('Template');
  const before = await template.inputValue();
  await template.fill(`${before}\nMind the tone.`);
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(page.locator('pre.filled')).toContainText('Mind the tone.');
  await page.getByRole('button', { name: 'Score it' }).click();
  await expect(page.locator('.trial')).toContainText('Nobody can print, third time this week');
  await expect(template).toHaveValue(`${before}\nMind the tone.`);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await saved(page, /^Saved as version/);
  await template.fill('{{ nothing.of.this }}');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(template).toHaveAttribute('aria-invalid', 'true');
  await expect(template).toHaveValue('{{ nothing.of.this }}');

  await page.goto('/tokens');
  await page.getByLabel('Name').fill('reporting');
  await page.getByRole('button', { name: 'Make the token' }).click();
  await expect(page.getByText('Copy it now: it is shown this once.')).toBeVisible();
  await page.reload();
  await expect(page.getByText('Copy it now: it is shown this once.')).toHaveCount(0);
  await page.getByLabel('Revoke reporting').click();
  await page.getByRole('button', { name: 'Revoke it' }).click();
  await expect(page.getByText('The token is revoked.', { exact: false })).toBeVisible();

  await page.goto('/tickets?label=negative');
  await page.getByText('Save this view').click();
  await page.getByLabel('Name').fill('Cross people');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('link', { name: 'Cross people' })).toHaveAttribute('aria-current', 'page');
  await page.getByRole('button', { name: 'Forget “Cross people”' }).click();
  await expect(page.getByRole('link', { name: 'Cross people' })).toHaveCount(0);
});

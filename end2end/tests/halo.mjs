import { expect } from '@playwright/test';
import { PASSWORD, stand } from './support.mjs';

/** A new workspace, connected to the HaloPSA stand-in, which keeps a title as it came, however long; its webhook registered. */
export async function newHaloWorkspace(page, email) {
  await page.goto('/sign-up');
  await page.getByLabel('Company').fill('Lockside IT');
  await page.getByLabel('Your name').fill('Sam Lock');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Make the workspace' }).click();
  await expect(page).not.toHaveURL(/sign-up/);

  await page.goto('/connections?psa=halopsa&fill=sandbox');
  await page.getByLabel('Client secret').fill('sandbox-secret-5b7e4a3c-11');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Test the connection' }).click();
  await expect(page.getByText('working').first()).toBeVisible();
  await page.getByRole('button', { name: 'Register the webhook in HaloPSA' }).click();
  await expect(page.getByRole('status').filter({ hasText: /webhook/i }).first()).toBeVisible();
}

/** As a customer's mail would, which no form holds to a length. */
export async function createHaloTicket(page, title, note) {
  await page.goto(stand('halopsa'));
  await page.getByLabel('Title').evaluate((field) => field.removeAttribute('maxlength'));
  await page.getByLabel('Title').fill(title);
  await page.getByLabel('Note').fill(note);
  await page.getByRole('button', { name: /create/i }).click();
  await expect(page.getByRole('heading', { name: 'Notes' })).toBeVisible();
}

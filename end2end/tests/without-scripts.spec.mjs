import { expect, test } from '@playwright/test';
import { newWorkspace, signIn } from './support.mjs';

test('signing up, connecting and testing need no scripts', async ({ page }) => {
  await newWorkspace(page, 'noscript@quayside.example');
  await page.goto('/setup');
  await expect(page.getByText(/of 4 steps are done/)).toBeVisible();
});

test('a form that is wrong comes back with the error beside the field and what was typed', async ({ page }) => {
  await page.goto('/sign-up');
  await page.getByLabel('Company').fill('Short Password Ltd');
  await page.getByLabel('E-mail').fill('short@password.example');
  await page.getByLabel('Password').evaluate((field) => field.removeAttribute('minlength'));
  await page.getByLabel('Password').fill('short');
  await page.getByRole('button', { name: 'Make the workspace' }).click();
  await expect(page.getByText(/at least 12 characters/).first()).toBeVisible();
  await expect(page.getByLabel('Company')).toHaveValue('Short Password Ltd');
});

test('tickets are filtered and read without scripts', async ({ page }) => {
  await signIn(page, 'owner@halopsa.example', 'demo workspace');
  await page.goto('/tickets?label=negative');
  await page.getByRole('row').nth(1).getByRole('link').first().click();
  await expect(page.getByRole('heading', { name: 'The decision' })).toBeVisible();
});

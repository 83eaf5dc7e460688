import { expect, test } from '@playwright/test';
import { fitsTheScreen, isAccessible, listenForErrors, newWorkspace } from './support.mjs';

test('the past is listed, allowed within a limit, read in shadow and seen', async ({ page }) => {
  test.setTimeout(180_000);
  const noErrors = listenForErrors(page);
  // The stand-in has six weeks of tickets that this workspace knows nothing of.
  await newWorkspace(page, 'past@quayside.example');
  await page.goto('/connections');
  await page.getByRole('link', { name: 'Import the past' }).click();
  await isAccessible(page);
  await page.getByLabel('Tickets created in the last').selectOption('30');
  await page.getByRole('button', { name: 'List them' }).click();
  await expect(page.getByText('The list of past tickets is being read.')).toBeVisible();
  // The page looks by itself how far it is.
  await page.getByRole('link', { name: 'See what it will take' }).click({ timeout: 60_000 });
  await expect(page.getByRole('heading', { name: 'What it will take' })).toBeVisible();
  await expect(page.getByText('the built-in analyser reads')).toBeVisible();
  await isAccessible(page);
  const limit = page.getByLabel('At most so many tickets');
  expect(Number(await limit.inputValue())).toBeGreaterThan(3);
  await limit.fill('0');
  await page.getByRole('button', { name: 'Read and score them' }).click();
  await expect(page.getByText('Enter a whole number from 1 on, or nothing.')).toBeVisible();
  await limit.fill('3');
  await page.getByRole('button', { name: 'Read and score them' }).click();
  await expect(page.getByText('Past tickets are read and scored.')).toBeVisible();
  await page.getByRole('link', { name: 'Show the page as it is now' }).click({ timeout: 90_000 });
  await expect(page.getByText('the number of tickets you allowed is reached')).toBeVisible();
  await expect(page.getByText('3 of 3 tickets are through')).toBeVisible();
  await isAccessible(page);
  for (const width of [390, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await fitsTheScreen(page);
  }
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled. What was scored stays.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'List them' })).toBeVisible();
  noErrors();
});

import { expect, test } from '@playwright/test';
import { fitsTheScreen, isAccessible, listenForErrors, signIn } from './support.mjs';

const palette = (page) => page.getByRole('dialog', { name: 'Find or go to' });

test('tickets, clients and pages are found and gone to by the keyboard', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, 'owner@halopsa.example', 'demo workspace');
  // A page that is only read loads no module until somebody asks.
  await page.goto('/settings');
  await page.keyboard.press('Control+k');
  const input = palette(page).getByRole('combobox');
  await expect(input).toBeFocused();
  await isAccessible(page);
  await input.pressSequentially('poli');
  await expect(palette(page).getByRole('option').first()).toContainText('Policy');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Policy' })).toBeVisible();

  await page.getByRole('button', { name: 'Find' }).first().click();
  await input.pressSequentially('print');
  const tickets = palette(page).getByRole('option').filter({ hasText: 'Ticket ' });
  await expect(tickets.first()).toBeVisible();
  await expect(palette(page).getByRole('option', { name: /All tickets with “print”/ })).toBeVisible();
  await isAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await fitsTheScreen(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  const title = await tickets.first().locator('.palette-word').textContent();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await tickets.first().click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(title);

  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await expect(page.getByRole('heading', { level: 1, name: 'Tickets' })).toBeVisible();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  const second = page.locator('main a.row-link').nth(1);
  await expect(second).toBeFocused();
  // What is typed is typed.
  await page.getByLabel('Search').fill('');
  await page.getByLabel('Search').pressSequentially('g?/');
  await expect(page.getByLabel('Search')).toHaveValue('g?/');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  noErrors();
});

test('the keys are told by a question mark and can be switched off', async ({ page }) => {
  await signIn(page, 'owner@halopsa.example', 'demo workspace');
  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await expect(keys.getByRole('row', { name: 'g c Go to Clients' })).toBeVisible();
  await isAccessible(page);
  await keys.getByRole('checkbox').uncheck();
  await keys.getByRole('button', { name: 'Close' }).click();
  await page.keyboard.press('?');
  await page.keyboard.press('/');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.reload();
  await page.keyboard.press('?');
  // The one with Ctrl always works; by then the other was heard, too.
  await page.keyboard.press('Control+k');
  await expect(palette(page)).toBeVisible();
  await expect(keys).toBeHidden();
  await page.keyboard.type('words');
  await page.keyboard.press('Escape');
  await expect(palette(page)).toBeHidden();
});

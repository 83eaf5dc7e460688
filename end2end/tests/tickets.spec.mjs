import { expect, test } from '@playwright/test';
import { createTicket, fitsTheScreen, isAccessible, listenForErrors, signIn } from './support.mjs';

const rows = (page) => page.locator('table.tickets tbody tr');

test('filters answer at once, are in the address, and are kept as a view', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, 'owner@halopsa.example', 'demo workspace');
  await page.goto('/tickets');
  const all = await rows(page).count();
  const search = page.getByLabel('Search');
  await search.pressSequentially('print', { delay: 20 });
  await expect(page).toHaveURL(/[?]q=print$/);
  await expect(search).toBeFocused();
  const found = await rows(page).count();
  expect(found).toBeGreaterThan(0);
  expect(found).toBeLessThan(all);
  await expect(page.getByRole('status').filter({ hasText: /tickets?$/ })).toHaveCount(1);
  await page.getByLabel('Order').selectOption({ label: 'worst mood first' });
  await expect(page).toHaveURL(/q=print&sort=sentiment$/);
  await expect(page.getByRole('columnheader', { name: 'Sentiment' })).toHaveAttribute('aria-sort', 'descending');
  await expect(page.getByRole('link', { name: 'CSV' })).toHaveAttribute('href', '/tickets.csv?q=print&sort=sentiment');
  await isAccessible(page);

  const name = `Printers ${Date.now()}`;
  await page.getByText('Save this view').click();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText(`The view “${name}” is saved.`)).toBeVisible();
  await expect(page.getByRole('link', { name, exact: true })).toHaveAttribute('aria-current', 'page');
  await page.goto('/tickets');
  await page.getByRole('link', { name, exact: true }).click();
  await expect(page).toHaveURL(/q=print&sort=sentiment$/);

  await page.getByText('Columns', { exact: true }).click();
  await page.getByRole('checkbox', { name: 'Board or queue' }).check();
  await isAccessible(page);
  await page.getByRole('button', { name: 'Show these' }).click();
  await expect(page.getByRole('columnheader', { name: 'Board or queue' })).toBeVisible();
  await page.setViewportSize({ width: 390, height: 844 });
  await fitsTheScreen(page);
  await page.goBack();
  await page.getByRole('button', { name: `Forget “${name}”` }).click();
  await expect(page.getByRole('link', { name, exact: true })).toHaveCount(0);
  noErrors();
});

test('new tickets are told of without moving what is being read', async ({ page, context }) => {
  test.setTimeout(60_000);
  await signIn(page, 'owner@connectwise.example', 'demo workspace');
  await page.goto('/tickets');
  const first = await rows(page).first().textContent();
  const other = await context.newPage();
  const title = `Door bell ${Date.now()}`;
  await createTicket(other, title, 'The door bell is silent. Could you have a look when you are here?');
  const news = page.getByRole('link', { name: /new or newly scored/ });
  await expect(news).toBeVisible({ timeout: 30_000 });
  expect(await rows(page).first().textContent()).toBe(first);
  await isAccessible(page);
  await news.click();
  await expect(page.getByRole('row', { name: new RegExp(title) })).toBeVisible();
  await expect(news).toHaveCount(0);
});

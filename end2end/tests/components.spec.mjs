import { expect, test } from '@playwright/test';
import { fitsTheScreen, isAccessible, listenForErrors } from './support.mjs';

for (const theme of ['light', 'dark']) {
  test(`every component is accessible in all its states, ${theme}`, async ({ page }) => {
    const noErrors = listenForErrors(page);
    await page.goto(`/ui?theme=${theme}`);
    await expect(page.getByRole('heading', { level: 1, name: 'Components' })).toBeVisible();
    for (const width of [390, 768, 1440, 2560]) {
      await page.setViewportSize({ width, height: 900 });
      await fitsTheScreen(page);
    }
    await isAccessible(page);
    noErrors();
  });
}

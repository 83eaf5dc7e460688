// Pictures of every page, to be looked at: `node pictures.mjs ADDRESS EMAIL FOLDER [WIDTH…]` against a running demo.
import { chromium } from '@playwright/test';
import { mkdirSync } from 'node:fs';

const [address, email, folder, ...asked] = process.argv.slice(2);
const widths = asked.length > 0 ? asked.map(Number) : [390, 1440];
const PAGES = {
  overview: '/', tickets: '/tickets', clients: '/clients', activity: '/activity', policy: '/policy', prompt: '/prompt',
  connections: '/connections', tokens: '/tokens', settings: '/settings', setup: '/setup',
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'],
});
mkdirSync(folder, { recursive: true });
for (const colorScheme of ['light', 'dark']) {
  for (const width of widths) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const take = async (name, path) => {
      await page.goto(address + path, { waitUntil: 'networkidle' });
      await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    };
    await take('sign-in', '/sign-in');
    await take('sign-up', '/sign-up');
    await page.goto(`${address}/sign-in`);
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill('demo workspace');
    await page.getByRole('button', { name: 'Sign in' }).click();
    for (const [name, path] of Object.entries(PAGES)) await take(name, path);
    await page.goto(`${address}/tickets?state=acted`);
    const ticket = await page.locator('a.row-link').first().getAttribute('href');
    await take('ticket', ticket);
    await page.close();
  }
}
await browser.close();

// Pictures of every page, to be looked at: `node pictures.mjs ADDRESS EMAIL FOLDER [WIDTH…]` against a running demo, or
// any workspace of it with the password “demo workspace” (or another, as PASSWORD; `bench PROGRAM --only stay` has one with
// 100,000 tickets). Where there are clients and tickets, one of each is taken too, with
// the report as it prints.
import { chromium } from '@playwright/test';
import { mkdirSync } from 'node:fs';

const [address, email, folder, ...asked] = process.argv.slice(2);
const widths = asked.length > 0 ? asked.map(Number) : [390, 768, 1440, 2560];
const PAGES = {
  overview: '/', tickets: '/tickets', clients: '/clients', activity: '/activity', policy: '/policy', prompt: '/prompt',
  accuracy: '/accuracy', 'policy-live': '/policy?mode=live', overview90: '/?days=90', connections: '/connections', tokens: '/tokens', settings: '/settings', setup: '/setup',
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
    await take('components', `/ui?theme=${colorScheme}`);
    await page.goto(`${address}/sign-in`);
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill(process.env.PASSWORD ?? 'demo workspace');
    await page.getByRole('button', { name: 'Sign in' }).click();
    for (const [name, path] of Object.entries(PAGES)) await take(name, path);
    for (const [name, list] of [['ticket', '/tickets'], ['client', '/clients?days=90']]) {
      await page.goto(address + list);
      const row = page.locator('main a.row-link').first();
      if (await row.count() === 0) continue;
      const path = await row.getAttribute('href');
      await take(name, path);
      if (name === 'client') {
        await page.emulateMedia({ media: 'print', colorScheme });
        await take('report-in-print', path.replace('?', '/report?'));
        await page.emulateMedia({ media: 'screen', colorScheme });
      }
    }
    await page.close();
  }
}
await browser.close();

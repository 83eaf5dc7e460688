import { expect, test } from '@playwright/test';
import { createHaloTicket, newHaloWorkspace } from './halo.mjs';
import { PASSWORD, fitsTheScreen, isAccessible, listenForErrors, signIn } from './support.mjs';

const EMAIL = 'odd@lockside.example';
// Of a longer title a list shows the beginning.
const LISTED = 300;
const OVERRIDE = '\u202e';
const marked = (text) => [...text].map((letter) => letter + '\u0301\u0323\u0308\u20dd'.repeat(5)).join('');
/** By a word that finds it. */
const TITLES = {
  albatross: `Albatross ${'Donaudampfschiff'.repeat(19).slice(0, 300)}`,
  'الفيروز': `الفيروز: لا أستطيع تسجيل الدخول إلى VPN منذ ${'يوم '.repeat(20)}`,
  dunlin: 'Dunlin 👩🏽‍💻 cannot 👨‍👩‍👧‍👦 print 🏳️‍🌈 at 👩‍❤️‍💋‍👨 all 1️⃣ 🇳🇿',
  egret: `Egret ${marked('cannot print')}`,
  fulmar: `Fulmar ${'the printer on the third floor is out of order again, '.repeat(200)}`.slice(0, 10_000),
  gannet: `Gannet${'x'.repeat(9_994)}`,
  'טורקיז': `טורקיז המדפסת לא עובדת ${OVERRIDE}gnp.tseuqer${OVERRIDE} الطابعة في المكتب لا تعمل`,
};
const note = (title) => `This is the third time and nobody calls back. It is still not working.\n\n${title}`;
const listed = (title) => [...title].slice(0, LISTED).join('').trim();
const link = (page, title) => page.getByRole('link', { name: listed(title).replace(/\s+/g, ' ') });

/** Whoever shows the mark that turns the direction keeps it in: what follows in the same lines is not turned. */
async function turnsNothingElse(page) {
  const loose = await page.evaluate((override) => {
    const isInline = (element) => getComputedStyle(element).display.startsWith('inline');
    const keepsIn = (element) => /isolate|plaintext/.test(getComputedStyle(element).unicodeBidi);
    const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) {
      const text = texts.currentNode;
      let around = text.parentElement;
      if (!text.data.includes(override) || !around.checkVisibility() || around.closest('pre, option')) continue;
      while (isInline(around) && !keepsIn(around)) around = around.parentElement;
      if (!isInline(around) && around.innerText.trim() !== text.data.trim()) found.push(around.outerHTML);
    }
    return found;
  }, OVERRIDE);
  expect(loose, `${page.url()} turns what follows`).toEqual([]);
}

async function bearsIt(page, path) {
  expect((await page.goto(path)).status(), path).toBe(200);
  for (const width of [390, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await fitsTheScreen(page);
  }
  await isAccessible(page);
}

test.describe.configure({ mode: 'serial' });

test.beforeAll(async ({ browser }) => {
  test.setTimeout(120_000);
  const page = await browser.newPage();
  await newHaloWorkspace(page, EMAIL);
  await page.goto('/policy');
  await page.getByRole('group', { name: 'sentiment threshold' }).getByRole('radio', { name: '1 or greater' }).check();
  await page.getByLabel('Hand to').selectOption({ index: 1 });
  await page.getByRole('button', { name: 'Save the policy' }).click();
  await expect(page.getByText(/^Saved as version/)).toBeVisible();
  for (const title of Object.values(TITLES)) await createHaloTicket(page, title, note(title));
  await expect(async () => {
    await page.goto('/tickets');
    await expect(page.getByRole('cell', { name: /being read/ })).toHaveCount(0, { timeout: 500 });
    for (const title of Object.values(TITLES)) await expect(link(page, title)).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 40_000 });
  await page.close();
});

test('no screen is made wider or unclear by what tickets are called', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, EMAIL, PASSWORD);
  for (const path of ['/', '/tickets', '/tickets?columns=board', '/policy', '/policy?mode=live', '/prompt', '/setup?step=webhook', '/activity']) {
    await bearsIt(page, path);
  }
  await page.goto('/activity');
  await page.locator('main a.row-link').first().click();
  await bearsIt(page, page.url());
  noErrors();
});

for (const [word, title] of Object.entries(TITLES)) {
  test(`a ticket is found, opened and read, whatever it is called: ${word}`, async ({ page }) => {
    const noErrors = listenForErrors(page);
    await signIn(page, EMAIL, PASSWORD);
    await page.keyboard.press('Control+k');
    const palette = page.getByRole('dialog', { name: 'Find or go to' });
    await palette.getByRole('combobox').fill(word);
    const found = palette.getByRole('option').filter({ hasText: /Ticket \d/ });
    await expect(found).toHaveCount(1);
    await isAccessible(page);
    for (const width of [390, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await fitsTheScreen(page);
      const { overflows, outside } = await palette.evaluate((dialog) => ({
        overflows: dialog.scrollWidth > dialog.clientWidth,
        outside: dialog.getBoundingClientRect().right > innerWidth || dialog.getBoundingClientRect().bottom > innerHeight,
      }));
      expect({ overflows, outside }).toEqual({ overflows: false, outside: false });
    }
    await found.click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(title.trim());
    await expect(page.getByText('nobody calls back').first()).toBeVisible();
    await bearsIt(page, page.url());
    await turnsNothingElse(page);

    await page.goto(`/tickets?q=${encodeURIComponent(word)}`);
    await expect(page.locator('table.tickets tbody tr')).toHaveCount(1);
    await expect(link(page, title)).toBeVisible();
    noErrors();
  });
}

test('the client’s page and its report bear it too', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, EMAIL, PASSWORD);
  await page.goto('/tickets?q=dunlin');
  await link(page, TITLES.dunlin).click();
  await page.getByRole('link', { name: 'The client’s mood' }).click();
  await expect(page.getByRole('heading', { name: 'The words that mattered' })).toBeVisible();
  const client = new URL(page.url()).pathname;
  for (const path of ['/clients', client, `${client}/report`]) {
    await bearsIt(page, path);
    await turnsNothingElse(page);
  }
  noErrors();
});

/** A ticket that has only just come stands in the short lists, too. */
async function comesAgain(page) {
  await signIn(page, EMAIL, PASSWORD);
  const title = `${Date.now()} ${TITLES['טורקיז']}`;
  await createHaloTicket(page, title, note(title));
  await expect(async () => {
    await page.goto('/tickets');
    await expect(page.getByRole('row').filter({ has: link(page, title) })).toContainText('would have', { timeout: 500 });
  }).toPass({ timeout: 20_000 });
  return title.slice(0, 13);
}

test('a title that turns the direction of writing turns nothing after it', async ({ page }) => {
  const begin = await comesAgain(page);
  for (const path of ['/tickets', '/policy?mode=live']) {
    await page.goto(path);
    await expect(page.locator('main').getByText(begin), path).toBeVisible();
    await turnsNothingElse(page);
  }
});

test('it turns nothing after it in the what-if either', async ({ page }) => {
  const begin = await comesAgain(page);
  await page.goto('/policy');
  // Drawn anew when it wakes up, which closes it.
  await expect(async () => {
    await page.locator('.what-if details').evaluateAll((all) => all.forEach((details) => { details.open = true; }));
    await expect(page.locator('.what-if').getByText(begin)).toBeVisible({ timeout: 500 });
  }).toPass();
  await turnsNothingElse(page);
});

/** A moment as clocks of that zone show it: the day, and the time of day. */
function told(moment, timeZone) {
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone, day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  });
  const { day, month, year, hour, minute, second } = Object.fromEntries(clock.formatToParts(new Date(moment)).map(({ type, value }) => [type, value]));
  return { day: `${day} ${month} ${year}`, time: `${hour}:${minute}:${second}` };
}

test('times are those of the workspace’s zone; the moment stays the same', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, EMAIL, PASSWORD);
  await page.goto('/tickets?q=dunlin');
  const ticket = await link(page, TITLES.dunlin).getAttribute('href');
  const arrived = page.locator('.page-header time');
  const step = page.locator('.timeline time').first();
  await page.goto(ticket);
  const [moment, stepped] = [await arrived.getAttribute('datetime'), await step.getAttribute('datetime')];
  expect(moment).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const days = new Set();
  // Half an hour beside the others, a day ahead of one another.
  for (const zone of ['Pacific/Auckland', 'America/St_Johns', 'Pacific/Pago_Pago', 'Asia/Kathmandu', 'UTC']) {
    await page.goto('/settings');
    await page.getByLabel('Time zone').fill(zone);
    await page.getByRole('button', { name: 'Save', exact: true }).first().click();
    await expect(page.getByText('Saved.').first()).toBeVisible();
    await expect(page.getByLabel('Time zone')).toHaveValue(zone);

    await page.goto(ticket);
    const { day, time } = told(moment, zone);
    await expect(arrived).toHaveAttribute('datetime', moment);
    await expect(arrived).toHaveAttribute('title', new RegExp(`^${day}, ${time} \\S+$`));
    await expect(step).toHaveAttribute('datetime', stepped);
    await expect(step).toHaveText(new RegExp(`${told(stepped, zone).time}$`));
    const csv = await (await page.request.get('/tickets.csv?q=dunlin')).text();
    expect(csv).toContain(` ${time},`);
    days.add(day);
  }
  // Auckland and Pago Pago are a whole day apart.
  expect(days.size).toBeGreaterThan(1);

  await page.goto('/settings');
  await page.getByLabel('Time zone').fill('Middle of nowhere');
  await page.getByRole('button', { name: 'Save', exact: true }).first().click();
  await expect(page.getByText('There is no such time zone.', { exact: false })).toBeVisible();
  await expect(page.getByLabel('Time zone')).toHaveValue('Middle of nowhere');
  noErrors();
});

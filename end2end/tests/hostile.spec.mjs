import { expect, test } from '@playwright/test';
import { createHaloTicket, newHaloWorkspace } from './halo.mjs';
import {
  PASSWORD, createTicket, listenForErrors, newWorkspace, quietDemo, registerCallback, signIn, stand,
} from './support.mjs';

const EMAIL = 'hostile@quayside.example';
// Stands among the words that are counted, so that it is quoted wherever words are.
const QUOTED = 'still "><svg onload=> not working';
const FORMULA = '=HYPERLINK("http://elsewhere.example","x")';
const TITLES = [
  '<script>window.hacked = true</script>',
  '<img src=x onerror="window.hacked=true">',
  '"><svg onload=window.hacked=true>',
  '</textarea></title><script>window.hacked=true</script>',
  'javascript:window.hacked=true//http://elsewhere.example',
  '[here](javascript:window.hacked=true)',
  '&lt;b&gt;bold&lt;/b&gt; &amp;amp; &#60;i&#62;',
  '+1+1',
  '-2+3',
  '@SUM(1)',
  FORMULA,
];
/** With the title at its very start: it is the first cell-worth of the note, too. */
const note = (title) => `${title}

It is ${QUOTED} <script>window.hacked = true</script> <img src=x onerror="window.hacked=true">
</textarea></title></pre><a href="javascript:window.hacked=true">javascript:window.hacked=true</a> &lt;i&gt;`;

/** Nothing of what strangers wrote has become an element, and nothing of it has run. */
async function isInert(page) {
  const made = await page.evaluate(() => ({
    hacked: window.hacked,
    elements: [...document.querySelectorAll('[onerror], [onload], img[src="x"], [href*="javascript:" i], [href*="elsewhere.example"]')]
      .map((element) => element.outerHTML),
    scripts: [...document.scripts].filter((script) => script.src && new URL(script.src).origin !== location.origin
      || /^\s*window\.hacked/.test(script.textContent)).map((script) => script.outerHTML),
  }));
  expect(made, page.url()).toEqual({ hacked: undefined, elements: [], scripts: [] });
}

/** The titles that can be read there as they were written. */
async function titlesIn(place) {
  const text = await place.innerText();
  return TITLES.filter((title) => text.includes(title));
}

/** Opens a page that shows tickets: returns the titles that it shows. */
async function showsTitles(page, path) {
  expect((await page.goto(path)).status(), path).toBe(200);
  await isInert(page);
  const shown = await titlesIn(page.locator('main'));
  expect(shown, path).not.toEqual([]);
  return shown;
}

async function opens(page, title) {
  await page.goto('/tickets');
  await page.getByRole('link', { name: title, exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: title, exact: true })).toBeVisible();
}

/** The page of the client that wrote all this; returns its address. */
async function opensClient(page) {
  await opens(page, FORMULA);
  await page.getByRole('link', { name: 'The client’s mood' }).click();
  await expect(page.getByRole('heading', { name: 'The words that mattered' })).toBeVisible();
  return new URL(page.url()).pathname;
}

/** All cells of a file for spreadsheets, as a spreadsheet reads them. */
async function cellsOf(page, path) {
  const answer = await page.request.get(path);
  expect(answer.status(), path).toBe(200);
  expect(answer.headers()['content-type']).toContain('text/csv');
  expect(answer.headers()['content-disposition']).toContain('attachment');
  const cells = (await answer.text()).replace(/^\ufeff/, '').matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(?:,|\r\n)/g);
  return [...cells].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);
}

const asCell = (text) => (/^[=+\-@\t]/.test(text) ? `'${text}` : text);
const formulas = (cells) => cells.filter((cell) => /^[=+\-@\t\r]/.test(cell));

test.describe.configure({ mode: 'serial' });

test.beforeAll(async ({ browser }) => {
  test.setTimeout(120_000);
  const page = await browser.newPage();
  await quietDemo(page);
  await newWorkspace(page, EMAIL);
  await page.goto('/policy');
  await page.getByRole('group', { name: 'sentiment threshold' }).getByRole('radio', { name: '1 or greater' }).check();
  await page.getByLabel('Move to the board').selectOption({ label: 'Help Desk' });
  await page.getByLabel('With status').selectOption({ label: 'Escalated' });
  await page.getByRole('button', { name: 'Save the policy' }).click();
  await expect(page.getByText(/^Saved as version/)).toBeVisible();
  await page.getByRole('link', { name: 'Go live…' }).click();
  await page.getByRole('button', { name: 'Go live now' }).click();
  await expect(page.getByText('Live', { exact: true }).first()).toBeVisible();
  await registerCallback(page);
  for (const title of TITLES) {
    await createTicket(page, title, note(title));
    await expect(page.getByRole('heading', { name: 'Notes' })).toBeVisible();
  }
  await expect(async () => {
    await page.goto('/tickets?escalated=yes');
    const titles = await page.locator('table.tickets tbody td.lead').allInnerTexts();
    expect(titles).toEqual(expect.arrayContaining(TITLES));
  }).toPass({ timeout: 40_000 });
  await page.close();
});

/** Others begin with a demo that is live. */
test.afterAll(async ({ browser }) => {
  const page = await browser.newPage();
  await signIn(page, 'owner@connectwise.example', 'demo workspace');
  await page.goto('/policy?mode=live');
  await page.getByRole('button', { name: 'Go live now' }).click();
  await expect(page.getByText('Live', { exact: true }).first()).toBeVisible();
  await page.close();
});

test('what a stranger wrote is text on every screen that shows tickets', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, EMAIL, PASSWORD);
  await showsTitles(page, '/');
  expect(await showsTitles(page, '/tickets')).toEqual(TITLES);
  await showsTitles(page, '/tickets?q=hacked');
  await showsTitles(page, '/policy?mode=live');
  // The newest ticket alone is named here, which may be another's.
  await page.goto('/setup?step=webhook');
  await isInert(page);

  await page.goto('/clients');
  await isInert(page);
  const client = await opensClient(page);
  await showsTitles(page, client);
  await expect(page.locator('q', { hasText: QUOTED }).first()).toBeVisible();
  await showsTitles(page, `${client}/report`);
  await expect(page.locator('q', { hasText: QUOTED }).first()).toBeVisible();
  noErrors();
});

test('a ticket’s own page shows its title and note as they were written, and so does the call that told of it', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, EMAIL, PASSWORD);
  for (const title of TITLES.slice(0, 4)) {
    await opens(page, title);
    await isInert(page);
    const text = page.getByLabel('The customer’s note').or(page.getByLabel("The customer's note"));
    for (const line of note(title).split('\n').filter(Boolean)) await expect(text).toContainText(line);
    await expect(page.locator('mark', { hasText: 'working' }).first()).toBeVisible();
  }
  await page.getByRole('link', { name: /^Webhook, / }).first().click();
  await expect(page.getByRole('heading', { level: 1, name: /^Webhook about ticket/ })).toBeVisible();
  await isInert(page);
  await expect(page.locator('pre.code')).toContainText('window.hacked');
  await page.goto('/activity');
  await isInert(page);
  noErrors();
});

test('what the browser itself draws of tickets is text too: the palette, the what-if and the filled-in prompt', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, EMAIL, PASSWORD);
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Find or go to' });
  for (const [typed, title] of [['@SUM', '@SUM(1)'], ['HYPERLINK', FORMULA], ['here](', TITLES[5]], ['bold', TITLES[6]]]) {
    await palette.getByRole('combobox').fill(typed);
    await expect(palette.getByRole('option', { name: title }).filter({ hasText: /Ticket \d/ })).toBeVisible();
    await isInert(page);
  }
  await palette.getByRole('combobox').fill('<img src=x onerror="window.hacked=true">');
  await expect(palette.getByRole('option', { name: 'All tickets with “<img src=x onerror="window.hacked=true">”' })).toBeVisible();
  await isInert(page);

  await page.goto('/policy');
  const off = page.getByRole('group', { name: 'sentiment threshold' }).getByRole('radio', { name: 'off' });
  const less = page.locator('.what-if details', { hasText: 'Less happens to' });
  await expect(async () => {
    await page.getByRole('group', { name: 'sentiment threshold' }).getByRole('radio', { name: '1 or greater' }).check();
    await off.check();
    await expect(less).toBeVisible({ timeout: 1_000 });
  }).toPass();
  expect(await titlesIn(less)).not.toEqual([]);
  await isInert(page);

  await page.goto('/prompt');
  const samples = page.getByLabel('With', { exact: true });
  for (const title of TITLES.slice(0, 4)) {
    const label = (await samples.locator('option').allTextContents()).find((option) => option.includes(title));
    await samples.selectOption({ label });
    await expect(page.locator('pre.filled')).toContainText(title);
    await isInert(page);
  }
  await page.getByLabel('Title').fill(TITLES[1]);
  await page.getByRole('textbox', { name: /^Text/ }).fill(`${TITLES[0]} It is ${QUOTED}. ${TITLES[1]}`);
  await page.getByRole('button', { name: 'Score it' }).click();
  await expect(page.locator('.trial')).toContainText(TITLES[0]);
  await expect(page.locator('.trial')).toContainText(TITLES[1]);
  await expect(page.locator('.trial mark', { hasText: 'not working' })).toHaveText(QUOTED);
  await isInert(page);
  noErrors();
});

test('a file for spreadsheets holds no formula', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, EMAIL, PASSWORD);
  const all = await cellsOf(page, '/tickets.csv');
  expect(all).toEqual(expect.arrayContaining(TITLES.map(asCell)));
  expect(formulas(all)).toEqual([]);

  await opensClient(page);
  const ofClient = await page.getByRole('link', { name: 'CSV' }).getAttribute('href');
  const cells = await cellsOf(page, ofClient);
  expect(cells).toContain(asCell(FORMULA));
  expect(formulas(cells)).toEqual([]);

  await opens(page, FORMULA);
  await page.getByRole('form', { name: 'Is this sentiment score right?' }).getByRole('button', { name: 'right', exact: true }).click();
  await expect(page.getByText('Noted: the sentiment score is right.')).toBeVisible();
  expect(await showsTitles(page, '/accuracy')).toEqual([FORMULA]);
  const judged = await cellsOf(page, '/accuracy.csv');
  expect(judged).toContain(asCell(FORMULA));
  // The text of the note, which begins with a formula as well.
  expect(judged.find((cell) => cell.includes(QUOTED))).toMatch(/^'=HYPERLINK/);
  expect(formulas(judged)).toEqual([]);
  noErrors();
});

test('a title that hides its formula behind a tab is no formula either', async ({ page }) => {
  await newHaloWorkspace(page, 'tab@lockside.example');
  await createHaloTicket(page, '\t=1+1', 'The printer is still not working.');
  await expect(async () => {
    const cells = await cellsOf(page, '/tickets.csv');
    expect(cells).toContain("'\t=1+1");
    expect(formulas(cells)).toEqual([]);
  }).toPass({ timeout: 20_000 });
});

test('the report is text on paper and as PDF', async ({ page }) => {
  await signIn(page, EMAIL, PASSWORD);
  await opensClient(page);
  await page.getByRole('link', { name: 'Report' }).click();
  await page.emulateMedia({ media: 'print' });
  await isInert(page);
  const pdf = (await page.pdf()).toString('latin1');
  expect(pdf).toMatch(/^%PDF/);
  expect(pdf).not.toMatch(/\/JavaScript|\/JS\b|\/Launch|javascript:|elsewhere\.example/);
});

test('the note in the ticketing system quotes the stranger’s words as text', async ({ page }) => {
  const noErrors = listenForErrors(page);
  for (const title of [TITLES[0], FORMULA]) {
    await page.goto(stand('connectwise'));
    await page.getByRole('link', { name: title, exact: true }).first().click();
    const written = page.getByRole('listitem').filter({ hasText: 'Internal' });
    await expect(written).toContainText('Undertone escalated this ticket');
    await expect(written).toContainText(`The customer wrote: “${QUOTED}”`);
    await isInert(page);
  }
  noErrors();
});

test('what the workspace’s own people write is text as well', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, EMAIL, PASSWORD);
  const [script, picture, svg] = TITLES;
  await page.goto('/settings');
  await page.getByLabel('Name', { exact: true }).first().fill(picture);
  await page.getByRole('button', { name: 'Save', exact: true }).first().click();
  await expect(page.getByText('Saved.').first()).toBeVisible();
  await isInert(page);

  await page.goto('/tickets?label=negative');
  await page.getByText('Save this view').click();
  await page.getByLabel('Name').fill(script);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText(`The view “${script}” is saved.`)).toBeVisible();
  await isInert(page);

  await page.goto('/tokens');
  await page.getByLabel('Name').fill(svg);
  await page.getByRole('button', { name: 'Make the token' }).click();
  await expect(page.getByText(`The token “${svg}”`)).toBeVisible();
  await isInert(page);

  await opensClient(page);
  await page.getByLabel('Notes').fill(script);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Saved.').first()).toBeVisible();
  await expect(page.getByLabel('Notes')).toHaveValue(script);
  await isInert(page);
  await page.getByRole('link', { name: 'Report' }).click();
  await expect(page.locator('.remembered')).toHaveText(script);
  // The workspace's name.
  await expect(page.getByText(picture, { exact: true }).first()).toBeVisible();
  await isInert(page);
  await page.goto('/settings');
  await isInert(page);
  noErrors();
});

test('a field of several lines comes back with what was typed, even if that ends such fields', async ({ page }) => {
  const noErrors = listenForErrors(page);
  await signIn(page, EMAIL, PASSWORD);
  const typed = `Fish &amp; chips </textarea>${TITLES.slice(0, 3).join('')}<a href="javascript:window.hacked=true">here</a>`;
  await opensClient(page);
  await page.getByLabel('Notes').fill(typed);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Saved.').first()).toBeVisible();
  await isInert(page);
  await expect(page.getByLabel('Notes')).toHaveValue(typed);

  await page.goto('/prompt');
  await page.getByRole('textbox', { name: /^Text/ }).fill(typed);
  await page.getByRole('button', { name: 'Score it' }).click();
  await expect(page.locator('.trial')).toBeVisible();
  await isInert(page);
  await expect(page.getByRole('textbox', { name: /^Text/ })).toHaveValue(typed);
  noErrors();
});

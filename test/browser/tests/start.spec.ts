// A session from the form to its end, watched without a reload.
import { cancelSession } from '../support/api';
import { env } from '../support/env';
import { expect, openAs, test } from '../support/fixtures';
import { cards, charts, events, phase, roundsBar, statusIn } from '../support/page';

// The page asks every two seconds: the session must last for several of them.
const ROUNDS = 10;
const EPOCHS = 300;

test('a session runs live from the form to its end', async ({ page }) => {
  await openAs(page, 'creator', '/training/');
  await page.getByRole('main').getByRole('link', { name: 'Start a session' }).first().click();
  await page.getByLabel('Name').fill('From the form');
  await page.getByLabel('Rounds', { exact: true }).fill(String(ROUNDS));
  await page.getByLabel('Workload').selectOption({ label: await page.locator('option', { hasText: env.workload }).first().innerText() });
  await expect(page.getByText('can take part now')).toBeVisible();
  await page.getByLabel('Local epochs').fill(String(EPOCHS));
  await page.getByLabel('Learning rate', { exact: true }).fill('0.05');

  const sent = page.waitForRequest((request) => request.method() === 'POST');
  await page.getByRole('button', { name: 'Start the session' }).click();
  expect((await sent).postDataJSON()).toMatchObject({ name: 'From the form', total_rounds: ROUNDS, config: { local_epochs: EPOCHS, learning_rate: 0.05 } });
  expect(Object.keys(((await sent).postDataJSON() as { config: object }).config)).toHaveLength(2);

  await expect(page).toHaveURL(/\/training\/sessions\/[0-9a-f-]{36}$/);
  await page.evaluate(() => document.body.setAttribute('data-same-page', ''));
  await expect(page.getByRole('heading', { name: 'From the form' })).toBeVisible();
  await expect(phase(page)).toContainText(/of \d+ updates? in|combining/);
  await expect(statusIn(cards(page).first())).toHaveText(/Waiting|Training|Update sent/);
  await expect.poll(async () => Number(await roundsBar(page).getAttribute('value'))).toBeGreaterThan(0);
  await expect(charts(page).first()).toBeVisible();

  await expect(phase(page)).toHaveText('The session is complete', { timeout: 90_000 });
  await expect(roundsBar(page)).toHaveAttribute('value', String(ROUNDS));
  await expect(page.getByRole('main')).toContainText(`${ROUNDS} of ${ROUNDS} rounds`);
  await expect(statusIn(cards(page).first())).toHaveText('Completed');
  await expect(cards(page).first()).toContainText(`${ROUNDS} rounds`);
  await expect(events(page).first()).toContainText('Session complete');
  await expect(page.getByTestId('announcer')).toContainText('completed');
  for (const name of ['loss', 'accuracy']) {
    await expect(page.getByRole('img', { name: new RegExp(`Chart of ${name} by round: .*after round ${ROUNDS}`) })).toBeVisible();
  }
  await page.getByText('Values of loss as a table').click();
  const table = page.getByRole('table', { name: /Loss of the model after each round/ });
  await expect(table.getByRole('row')).toHaveCount(1 + 1 + ROUNDS); // head, base version, rounds
  await expect(page.locator('body[data-same-page]')).toHaveCount(1);
});

test('an error of the server is shown at its field, which has the focus', async ({ page }) => {
  await openAs(page, 'creator', '/training/start');
  await page.getByLabel('Name').fill('Refused');
  await page.getByLabel('Rounds', { exact: true }).fill('3');
  await page.getByLabel('Workload').selectOption({ index: 1 });
  await page.getByLabel('Learning rate', { exact: true }).fill('-1');
  await page.getByRole('button', { name: 'Start the session' }).click();
  const field = page.getByLabel('Learning rate', { exact: true });
  await expect(field).toBeFocused();
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await expect(field).toHaveAccessibleDescription(/Config key "learning_rate" is not valid\. Given -1; allowed/);

  await field.fill('0.1');
  await expect(field).toHaveAttribute('aria-invalid', 'false');
  await page.getByText('All other settings').click();
  await page.getByLabel('Patience').fill('often');
  await page.getByText('All other settings').click();
  await page.getByRole('button', { name: 'Start the session' }).click();
  await expect(page.getByLabel('Patience')).toBeFocused(); // its group is open again
  await expect(page.getByLabel('Patience')).toHaveAccessibleDescription(/Given "often"/);

  await page.getByLabel('Patience').fill('');
  await page.getByLabel('Rounds', { exact: true }).fill('2000000');
  await page.getByRole('button', { name: 'Start the session' }).click();
  await expect(page.getByLabel('Rounds', { exact: true })).toBeFocused();
  await expect(page.getByLabel('Rounds', { exact: true })).toHaveAccessibleDescription(/out of range/);
});

test('a seed that no JavaScript number can hold is sent and shown to its last digit', async ({ page, request }) => {
  await openAs(page, 'creator', '/training/start');
  await page.getByLabel('Name').fill('Seeded');
  await page.getByLabel('Rounds', { exact: true }).fill('1');
  await page.getByLabel('Workload').selectOption({ index: 1 });
  await page.getByText('All other settings').click();
  await page.getByLabel('Seed').fill('9007199254740993');
  await page.getByRole('button', { name: 'Start the session' }).click();
  await expect(page.getByRole('region', { name: 'Config' })).toContainText('9007199254740993');
  await cancelSession(request, page.url().split('/').at(-1)!);
});

test('what is missing is asked for, and an error without a field is at the top', async ({ page }) => {
  await openAs(page, 'creator', '/training/start');
  await page.getByRole('button', { name: 'Start the session' }).click();
  await expect(page.getByLabel('Name')).toBeFocused();
  await expect(page.getByLabel('Rounds', { exact: true })).toHaveAccessibleDescription(/whole number/);
  await page.getByLabel('Name').fill('Refused');
  await page.getByLabel('Rounds', { exact: true }).fill('3');
  await page.getByLabel('Workload').selectOption({ index: 1 });
  const body = { code: '53000', message: 'something else', details: null, hint: null };
  await page.route('**/api/v1/federated/sessions', (route) => route.fulfill({ status: 503, json: body }));
  await page.getByRole('button', { name: 'Start the session' }).click();
  await expect(page.getByRole('alert').filter({ hasText: 'Something else.' })).toBeFocused();
});

test('the keyboard alone starts a session', async ({ page, request }) => {
  await openAs(page, 'creator', '/training/');
  const focused = page.locator(':focus');
  const tabTo = async (name: string) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      const text = await focused.evaluate((element: HTMLInputElement) => element.labels?.[0]?.textContent ?? element.textContent ?? '');
      if (text.trim() === name) return;
    }
    throw new Error(`no way to "${name}" with Tab`);
  };

  await expect(page.getByRole('heading', { name: 'Sessions' })).toBeVisible();
  await tabTo('Skip to the content');
  await expect(focused).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
  await tabTo('Start a session');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Start a session' })).toBeFocused();
  await tabTo('Name');
  expect(await focused.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe('solid');
  await page.keyboard.type('By keyboard');
  await tabTo('Rounds');
  await page.keyboard.type('2');
  await tabTo('Workload');
  await page.keyboard.type(env.workload);
  await tabTo('Start the session');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'By keyboard' })).toBeFocused();
  await cancelSession(request, page.url().split('/').at(-1)!);
});

import { expect, openAs, test } from '../support/fixtures';
import { env } from '../support/env';

const forged = () => {
  const [head, body] = env.tokens.creator.split('.');
  return `${head}.${body}.${'A'.repeat(43)}`;
};

test('what is no token is refused without asking the server', async ({ page }) => {
  await page.goto('/training/');
  await page.getByLabel('Access token').fill('hello');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByText('This is not a token')).toBeVisible();
  await expect(page.getByLabel('Access token')).toBeFocused();
});

test('a token that the server does not accept is refused in its words', async ({ page }) => {
  await page.goto('/training/');
  await page.getByLabel('Access token').fill(forged());
  const answer = page.waitForResponse(/sessions/);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const response = await answer;
  expect(response.status()).toBe(401);
  const { message } = (await response.json()) as { message: string };
  await expect(page.locator('.error')).toContainText(message.slice(1)); // begins with a capital there
  expect(await page.evaluate(() => sessionStorage.length + localStorage.length)).toBe(0);
});

test('a pasted token is accepted, kept for the tab, and forgotten by signing out', async ({ page }) => {
  await page.goto('/training/');
  await page.getByLabel('Access token').fill(` ${env.tokens.creator}\n`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Sessions' })).toBeFocused();
  await expect(page.getByRole('banner')).toContainText('creator');
  await expect(page.getByRole('banner')).toContainText('token valid until');
  expect(await page.evaluate(() => localStorage.length + document.cookie.length)).toBe(0);

  await page.reload();
  await expect(page.getByRole('heading', { name: 'Sessions' })).toBeVisible();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
});

test('a token can come from a file', async ({ page }) => {
  await page.goto('/training/');
  await page.locator('input[type=file]').setInputFiles({ name: 'token', mimeType: 'text/plain', buffer: Buffer.from(`${env.tokens.viewer}\n`) });
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Sessions' })).toBeVisible();
});

test('a token that stops counting leads back to signing in, with the reason', async ({ page }) => {
  await openAs(page, 'viewer', '/training/');
  await expect(page.getByRole('heading', { name: 'Sessions' })).toBeVisible();
  const body = { code: '28000', message: 'the token is not accepted', details: 'It is revoked.', hint: null };
  await page.route('**/api/v1/federated/sessions*', (route) => route.fulfill({ status: 401, json: body }));
  await expect(page.getByText('You were signed out. The token is not accepted. It is revoked.')).toBeVisible();
  expect(await page.evaluate(() => sessionStorage.getItem('federated.token'))).toBeNull();
});

// Every test's page is watched: it may ask nobody but its own origin, break no
// rule of the content security policy, and throw nothing.
import { test as base, expect, type Page } from '@playwright/test';
import { env } from './env';

export type Role = keyof typeof env.tokens;

function watch(page: Page, problems: string[]): void {
  const origin = new URL(env.baseUrl).origin;
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== 'data:') problems.push(`request to ${request.url()}`);
  });
  page.on('pageerror', (error) => problems.push(`uncaught ${error.message}`));
  page.on('console', (message) => {
    if (/content security policy|csp-violation/i.test(message.text())) problems.push(message.text());
  });
}

export const test = base.extend<{ watched: void }>({
  watched: [
    async ({ page }, use) => {
      const problems: string[] = [];
      watch(page, problems);
      await page.addInitScript(() =>
        addEventListener('securitypolicyviolation', (event) =>
          console.error(`csp-violation: ${event.violatedDirective} ${event.blockedURI}`),
        ),
      );
      await use();
      expect(problems).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

// As somebody who has signed in before in this tab.
export const openAs = (page: Page, role: Role, path: string): Promise<void> => openWith(page, env.tokens[role], path);

export async function openWith(page: Page, given: string, path: string): Promise<void> {
  await page.addInitScript((token) => {
    if (sessionStorage.getItem('signed in once') === null) sessionStorage.setItem('federated.token', token);
    sessionStorage.setItem('signed in once', 'yes'); // signing out stays possible
  }, given);
  await page.goto(path);
}

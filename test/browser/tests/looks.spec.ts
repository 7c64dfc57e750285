// All pages in light and dark, wide and narrow: no serious finding of axe (WCAG 2
// A and AA), nothing that a phone must scroll sideways for. With FED_SCREENSHOTS,
// pictures of all of it.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import path from 'node:path';
import { cancelSession, LONG, startSession, waitForStatus } from '../support/api';
import { env } from '../support/env';
import { expect, openAs, test } from '../support/fixtures';
import { charts, secagg, sessionLink, sessionPath } from '../support/page';
import { addUnattended, MASKED, SEMI_HONEST, tryAgain, UNATTENDED } from '../support/secagg';

let running: string;
let finished: string;
let secretive: string; // with differential privacy
let masked: string; // with secure aggregation, whose first attempt was given up
let unprotected: string; // of mode semi_honest

test.beforeAll(async ({ playwright }) => {
  const request = await playwright.request.newContext({ baseURL: env.baseUrl, ignoreHTTPSErrors: true });
  finished = (await startSession(request, 'Finished, with a name that is long enough to need a second line on a phone', 5, { min_participants: 2, max_participants: 3, price: { per_round: 1.5 } })).id;
  await waitForStatus(request, finished, 'completed');
  secretive = (await startSession(request, 'Private', 2, { min_participants: 3, dp_sigma: 1, epsilon_budget: 9 })).id;
  await waitForStatus(request, secretive, 'completed');
  masked = (await startSession(request, 'Masked', 2, { ...MASKED, local_epochs: 500 })).id;
  await tryAgain(masked, 'an Island’s shares do not open');
  await waitForStatus(request, masked, 'completed');
  addUnattended();
  unprotected = (await startSession(request, 'Unprotected', 2, SEMI_HONEST, UNATTENDED)).id;
  running = (await startSession(request, 'Running', LONG.rounds, LONG.config)).id;
  await waitForStatus(request, running, 'training');
  await request.dispose();
});

test.afterAll(async ({ playwright }) => {
  const request = await playwright.request.newContext({ baseURL: env.baseUrl, ignoreHTTPSErrors: true });
  await cancelSession(request, running);
  await cancelSession(request, unprotected);
  await request.dispose();
});

// Each page, brought into the state that is looked at.
const PAGES: Record<string, (page: Page) => Promise<void>> = {
  'sign-in': async (page) => {
    await page.goto('/training/');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.locator('.error')).not.toBeEmpty();
  },
  sessions: async (page) => {
    await openAs(page, 'creator', '/training/');
    await expect(sessionLink(page, running)).toBeVisible();
  },
  start: async (page) => {
    await openAs(page, 'creator', '/training/start');
    await page.getByText('All other settings').click();
    await page.getByLabel('Workload').selectOption({ index: 1 });
    await page.getByRole('button', { name: 'Start the session' }).click();
    await expect(page.getByLabel('Name')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByText('can take part now')).toBeVisible();
  },
  running: async (page) => {
    await openAs(page, 'creator', sessionPath(running));
    await expect(charts(page).first()).toBeVisible();
  },
  finished: async (page) => {
    await openAs(page, 'creator', sessionPath(finished));
    await page.getByText('Values of loss as a table').click();
    await page.getByRole('button', { name: 'Verify' }).click();
    await expect(page.getByText('events verified')).toBeVisible();
    for (const name of ['Contribution', 'Credits', 'Lineage', 'Model versions']) await expect(page.getByRole('region', { name })).toBeVisible();
  },
  private: async (page) => {
    await openAs(page, 'creator', sessionPath(secretive));
    await page.getByText('What epsilon does not count').click();
    await expect(page.getByRole('table', { name: /each Island/ })).toBeVisible();
  },
  masked: async (page) => {
    await openAs(page, 'creator', sessionPath(masked));
    await page.getByText('What the coordinator learns all the same').click();
    await page.getByRole('button', { name: 'Details of Round 2, attempt 1' }).click();
    await expect(secagg(page).locator('code')).toHaveCount(4);
  },
  unprotected: async (page) => {
    await openAs(page, 'creator', sessionPath(unprotected));
    await expect(secagg(page).getByRole('list', { name: 'Stages of this attempt' })).toBeVisible();
  },
  credits: async (page) => {
    await openAs(page, 'admin', '/training/credits');
    await page.getByLabel('Account').selectOption({ index: 1 });
    await expect(page.getByRole('cell', { name: /session/ }).first()).toBeVisible();
  },
  dialog: async (page) => {
    await openAs(page, 'creator', sessionPath(running));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
  },
};

async function findings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa']).analyze();
  return violations
    .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
    .map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(' | ')}`);
}

for (const [name, open] of Object.entries(PAGES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 360]) {
      test.describe(`${name}, ${colorScheme}, ${width} px`, () => {
        test.use({ colorScheme, viewport: { width, height: width === 360 ? 740 : 900 } });

        test('is accessible and fits', async ({ page }) => {
          await open(page);
          if (env.screenshots) {
            const fullPage = name !== 'dialog';
            await page.screenshot({ path: path.join(env.screenshots, `${name}-${colorScheme}-${width}.png`), fullPage });
          }
          expect(await findings(page)).toEqual([]);
          expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
          const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
          const [red] = back.match(/\d+/g)!;
          expect(Number(red) < 128 ? 'dark' : 'light').toBe(colorScheme);
        });
      });
    }
  }
}

test('nothing moves for those who asked for that', async ({ page }) => {
  await page.goto('/training/');
  const moving = await page.evaluate(() => {
    const found: string[] = [];
    const search = (rules: CSSRuleList) => {
      for (const rule of rules) {
        if (rule instanceof CSSMediaRule) {
          if (!/prefers-reduced-motion: no-preference/.test(rule.conditionText)) search(rule.cssRules);
        } else if (/\b(transition|animation|scroll-behavior)\b/.test(rule.cssText)) found.push(rule.cssText);
      }
    };
    for (const sheet of document.styleSheets) search(sheet.cssRules);
    return found;
  });
  expect(moving).toEqual([]);
});

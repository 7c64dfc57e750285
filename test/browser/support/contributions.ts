// A server that has measured contributions, whatever the one at hand does.
import type { Page } from '@playwright/test';

interface Card {
  host_id: string;
  contribution?: object | null;
}

export async function measureContributions(page: Page): Promise<void> {
  let hosts: string[] = [];
  await page.route(/\/api\/v1\/federated\/sessions\/[0-9a-f-]{36}$/, async (route) => {
    const response = await route.fetch();
    const document = (await response.json()) as { participants: Card[] };
    hosts = document.participants.map((card) => card.host_id);
    for (const card of document.participants) card.contribution = { round: 1, cosine: 0.9, norm_share: 0.5, leave_one_out: 0.2 };
    await route.fulfill({ response, json: document });
  });
  await page.route(/\/api\/v1\/federated\/contributions\?/, async (route) => {
    const round = Number(new URL(route.request().url()).searchParams.get('round')!.replace('eq.', ''));
    const json = hosts.map((host_id, place) => ({
      round,
      host_id,
      cosine: 0.75 - place / 8,
      norm_share: 1 / hosts.length,
      leave_one_out: place === 0 ? null : round / 8,
    }));
    await route.fulfill({ json });
  });
}

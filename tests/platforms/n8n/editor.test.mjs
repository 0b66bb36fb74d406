// The node in n8n's editor, in a real browser. With BIZKITHUB_SCREENSHOTS, a folder, the pictures of the docs are taken anew.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Sandbox } from '../../../node/bizkithub/dist/index.mjs';
import { install, N8n, tools } from './support/n8n.mjs';
import { workflow } from './support/workflow.mjs';

const { chromium } = createRequire(join(tools, 'tools.js'))('playwright-core');
const packageFolder = resolve(import.meta.dirname, '..', '..', '..', 'node', 'n8n-nodes-bizkithub');
const ROWS = [
  { mail: 'jan@barasek.com', segment: 'VIP; Sale' },
  { mail: 'eva@example.com', segment: 'Wholesale' },
  { mail: 'petr@example', segment: 'VIP' },
  { mail: 'JAN@barasek.com', segment: 'Yoga' },
  { mail: 'unknown@example.com', segment: 'VIP' },
];

describe('in the editor of n8n', () => {
  const home = mkdtempSync(join(tmpdir(), 'bizkithub-n8n-'));
  let n8n;
  let sandbox;
  let browser;
  let page;

  before(async () => {
    install(home, packageFolder);
    sandbox = await Sandbox.start({ customerPolicy: 'onlySeeded', customers: [{ email: 'jan@barasek.com' }, { email: 'eva@example.com' }] });
    n8n = await N8n.start(home);
    browser = await chromium.launch({
      executablePath: process.env.BIZKITHUB_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, colorScheme: 'light', deviceScaleFactor: 1 });
    await context.addCookies([{ name: 'n8n-auth', value: n8n.cookie.slice('n8n-auth='.length), url: n8n.base, httpOnly: true }]);
    await context.addInitScript((id) => localStorage.setItem('n8n-browserId', id), n8n.browserId);
    // The editor asks a registry about every community package.
    await context.route('**/*', (route) => (new URL(route.request().url()).hostname === '127.0.0.1' ? route.continue() : route.abort()));
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
  });
  after(async () => {
    await browser?.close();
    await n8n?.stop();
    await sandbox?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const part = (id) => page.locator(`[data-test-id="${id}"]`);
  const onCanvas = (name) => page.locator(`[data-test-id="canvas-node"][data-node-name="${name}"]`);
  const shown = async (locator) => { await locator.first().waitFor(); };

  async function picture(name) {
    const folder = process.env.BIZKITHUB_SCREENSHOTS;
    // What moves comes to rest first, so that two pictures of one thing are alike.
    if (folder !== undefined) await page.screenshot({ path: join(folder, `n8n-${name}.png`), animations: 'disabled', caret: 'hide' });
  }

  test('the node is found, added, and shows its fields', async () => {
    const { id } = await n8n.call('POST', '/workflows', { name: 'New', nodes: [], connections: {}, settings: {} });
    await page.goto(`${n8n.base}/workflow/${id}`);
    await part('canvas-add-button').or(part('node-creator-plus-button')).first().click();
    // The first node of a workflow is a trigger.
    await part('node-creator-search-bar').fill('manual');
    await part('node-creator-item-name').filter({ hasText: 'Trigger manually' }).first().click();
    await shown(onCanvas("When clicking ‘Execute workflow’"));
    await part('node-creator-plus-button').first().click();
    await part('node-creator-search-bar').fill('segment');
    await part('node-creator-item-name').filter({ hasText: /^BizKitHub$/ }).first().click();
    await picture('actions');
    const actions = await part('node-creator-item-name').allInnerTexts();
    for (const action of ['Add groups to a customer', 'Predict the slug of a group']) assert.ok(actions.includes(action), actions.join());
    await part('node-creator-item-name').filter({ hasText: 'Add groups to a customer' }).first().click();
    const fields = part('node-parameters');
    for (const label of ['Credential for BizKitHub API', 'Email', 'Reference Number', 'Groups', 'Options']) await shown(part('ndv').getByText(label, { exact: true }));
    await shown(fields.getByText('Add Group'));
    await picture('fields');
    await page.keyboard.press('Escape');
  });

  test('the credential asks for a key, an address and an engine', async () => {
    await page.goto(`${n8n.base}/home/credentials`);
    await part('add-resource-credential').or(page.getByRole('button', { name: /create credential|add first credential/i })).first().click();
    await part('new-credential-type-select').locator('input').fill('BizKitHub');
    await page.getByText('BizKitHub API').last().click();
    await part('new-credential-type-button').click();
    const form = part('editCredential-modal');
    await shown(form);
    await picture('credential');
    for (const label of ['API Key', 'Base URL', 'Engine']) await shown(form.getByText(label));
    assert.ok((await form.locator('input[type="password"]').count()) > 0);
    await page.keyboard.press('Escape');
  });

  test('a run shows what became of every item, in both outputs', async () => {
    const credential = await n8n.credential({ apiKey: sandbox.apiKey, baseUrl: sandbox.url });
    const pinData = { Start: ROWS.map((json) => ({ json })) };
    const { id } = await n8n.call('POST', '/workflows', { ...workflow(credential, { onError: 'continueErrorOutput' }), pinData });
    await page.goto(`${n8n.base}/workflow/${id}`);
    await shown(onCanvas('BizKitHub'));
    await part('execute-workflow-button').first().click();
    await shown(onCanvas('Refused').locator('[data-test-id="canvas-node-status-success"]'));
    // What n8n tells of its success would stand before the picture.
    await page.locator('.el-notification__closeBtn').first().click({ timeout: 5_000 }).catch(() => undefined);
    await picture('workflow');
    await onCanvas('BizKitHub').dblclick();
    await shown(part('output-panel'));
    const output = part('output-panel');
    await output.getByText('JAN@barasek.com').first().waitFor();
    await picture('success');
    const tabs = await part('branches').allInnerTexts();
    assert.match(tabs.join(' '), /3 items/);
    await part('tab-1').click();
    await output.getByText('unknown@example.com').first().waitFor();
    await output.getByText('INTERNAL_RESOURCE_NOT_FOUND').first().waitFor();
    await picture('errors');
    assert.deepEqual(sandbox.groupsOf({ email: 'jan@barasek.com' }), new Set(['vip', 'sale', 'yoga']));
    assert.ok(!(await page.content()).includes(sandbox.apiKey));
  });
});

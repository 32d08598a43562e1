"""Define how a page of a run looks: in the light and in the dark, on screens and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1f2430; --soft: #6b7280; --back: #ffffff;
  --field: #f6f7f9; --line: #d7dbe2; --good: #15803d; --bad: #b91c1c; --busy: #2563eb;
  --wait: #b45309; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --soft: #9ca3af; --back: #12151b;
  --field: #1a1e26; --line: #333a46; --good: #4ade80; --bad: #f87171; --busy: #60a5fa;
  --wait: #fbbf24; } }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: var(--ink);
  background: var(--back); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin-top: 2rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; } th, td { text-align: left; vertical-align: top;
  padding: 0.25rem 0.8rem 0.25rem 0; } .facts th { color: var(--soft); font-weight: 500; }
.rows { width: 100%; font-size: 14px; } .rows th { color: var(--soft); font-weight: 500; }
.rows td { border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.rows td:nth-child(-n+5) { white-space: nowrap; } .rows i { color: var(--soft); }
.rows td:nth-child(1) { white-space: normal; }
.figure { overflow: auto; max-height: 90vh; border: 1px solid var(--line); border-radius: 8px; }
.sentence { font-size: 1.1rem; } .left-out, footer { color: var(--soft); }
.badge { font-size: 0.8em; font-weight: 600; white-space: nowrap; }
.source { background: var(--field); border-radius: 8px; padding: 0.8rem; white-space: pre;
  overflow: auto; }
.number, .note { color: var(--soft); user-select: none; }
.is-succeeded { color: var(--good); } .is-failed { color: var(--bad); }
.is-running { color: var(--busy); } .is-waiting, .is-canceled { color: var(--wait); }
.is-unreached { opacity: 0.5; } footer { margin: 3rem 0 1rem; }
@media print { .figure { max-height: none; overflow: visible; } }
""".strip()

// A titled part of a page.
import type { ComponentChildren } from 'preact';

interface Props {
  id: string;
  title: string;
  note?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel({ id, title, note, children }: Props) {
  return (
    <section class="panel" aria-labelledby={`${id}-title`}>
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {note && <p class="note">{note}</p>}
      </header>
      {children}
    </section>
  );
}

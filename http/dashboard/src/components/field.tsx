// A labelled form control with its hint and its error.
import type { ComponentChildren } from 'preact';

export interface ControlProps {
  id: string;
  'aria-describedby': string;
  'aria-invalid': boolean;
}

interface Props {
  name: string;
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  wide?: boolean;
  children: (control: ControlProps) => ComponentChildren;
}

export const controlId = (name: string): string => `field-${name}`;

export function Field({ name, label, hint, error, wide, children }: Props) {
  const id = controlId(name);
  return (
    <div class={`field${wide ? ' wide' : ''}`}>
      <label class="label" for={id}>
        {label}
      </label>
      {children({ id, 'aria-describedby': `${id}-hint ${id}-error`, 'aria-invalid': error !== undefined })}
      <p class="error" id={`${id}-error`}>
        {error}
      </p>
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
    </div>
  );
}

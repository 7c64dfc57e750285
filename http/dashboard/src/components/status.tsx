// A status: icon and word in its colour.
import { STATUS_WORDS, type ShownStatus } from '../phase';
import { Icon } from './icon';

export function Status({ status }: { status: ShownStatus }) {
  return (
    <span class={`status status-${status}`}>
      <Icon name={status} />
      {STATUS_WORDS[status]}
    </span>
  );
}

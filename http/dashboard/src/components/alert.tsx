// An error, said at once.
import { describe } from '../api';

export function Alert({ error }: { error: unknown }) {
  if (error === undefined || error === null) return null;
  return (
    <div class="alert" role="alert">
      {describe(error)}
    </div>
  );
}

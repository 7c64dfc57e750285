// The heading of a page: also the window's title, and where the focus goes when
// the page appears in place of another.
import { useEffect, useRef } from 'preact/hooks';

let firstPage = true; // a page that was loaded has the focus where the browser puts it

export function PageTitle({ children }: { children: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!firstPage) heading.current?.focus({ preventScroll: true });
    firstPage = false;
  }, []);
  useEffect(() => {
    document.title = `${children} · federated`;
  }, [children]);
  return (
    <h1 ref={heading} tabIndex={-1} id="page-title">
      {children}
    </h1>
  );
}

export const focusPageTitle = (): void => document.getElementById('page-title')?.focus();

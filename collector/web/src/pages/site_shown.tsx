// site_shown: an answer's content, and while the collector is too busy to give one, that it is, with a way to ask again.
import type { ComponentChildren } from 'preact';
import type { Answer } from '../api';
import { Answered, Trouble } from '../ui';

interface ShownProps<T> {
  of: Answer<T>;
  height?: string; // while nothing is there
  children: (data: T) => ComponentChildren;
}

export function Shown<T>({ of, height, children }: ShownProps<T>) {
  if (of.data === undefined && of.error?.passing) return <Trouble error={of.error} again={of.again} />;
  return (
    <Answered of={of} {...(height ? { height } : {})}>
      {children}
    </Answered>
  );
}

import { render } from 'preact';

render(<main>Ringside</main>, document.getElementById('app')!);

import { render } from 'preact';
import './style.css';
import { beginSession } from './api';
import { App } from './app';
import { beginTheme } from './theme';

beginTheme();
beginSession();
render(<App />, document.getElementById('app')!);

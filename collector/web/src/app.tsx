// app: the frame around every page, and which page an address shows.
//
// A page is src/pages/NAME.tsx with a default export; all but the overview are loaded when first visited. It draws
// <Page title=...> of ui.tsx and, where it shows figures of a period, <Controls/> of controls.tsx.
import { Component, type ComponentChildren, type ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { reach, session, signOut } from './api';
import { moment } from './format';
import OverviewPage from './pages/overview';
import { segments, setParams, usePlace } from './route';
import { SignIn } from './signin';
import { useStore } from './store';
import { sawInstance, useAlertPulse } from './stream';
import { lang, setLang, t, type Lang } from './text';
import { setTheme, themeChoice, type ThemeChoice } from './theme';
import { Button, Link, Loading, Page, Pill, Segmented, cls, useFocusOnNavigation } from './ui';
import { useAbout, useAlerts, useZone, type ZoneChoice } from './view';

// ---- pages ----

function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Later(props: P) {
    const [failed, setFailed] = useState(false);
    const [, draw] = useState(0);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (module) => {
          loaded = module.default;
          draw((n) => n + 1);
        },
        () => setFailed(true),
      );
    }, []);
    if (failed) return <Broken />;
    const Loaded = loaded;
    return Loaded ? <Loaded {...props} /> : <Loading height="60vh" />;
  };
}

const AlertsPage = later(() => import('./pages/alerts'));
const ComparePage = later(() => import('./pages/compare'));
const FleetPage = later(() => import('./pages/fleet'));
const QueuePage = later<{ queue: string; site?: string }>(() => import('./pages/queue'));
const SitePage = later<{ id: string }>(() => import('./pages/site'));
const SitesPage = later(() => import('./pages/sites'));

function pageOf(path: string) {
  const [first, second, third, fourth, ...rest] = segments(path);
  if (first === undefined) return <OverviewPage />;
  if (second === undefined) {
    if (first === 'sites') return <SitesPage />;
    if (first === 'compare') return <ComparePage />;
    if (first === 'fleet') return <FleetPage />;
    if (first === 'alerts') return <AlertsPage />;
  } else if (rest.length === 0) {
    if (first === 'site' && third === undefined) return <SitePage key={path} id={second} />;
    if (first === 'site' && third === 'queue' && fourth !== undefined) return <QueuePage key={path} site={second} queue={fourth} />;
    if (first === 'queue' && third === undefined) return <QueuePage key={path} queue={second} />;
  }
  return (
    <Page title={t('page.lost')}>
      <p>{t('page.lost.text')}</p>
      <Link to="/">{t('page.back')}</Link>
    </Page>
  );
}

// A page that cannot be drawn leaves the frame standing.
class Guard extends Component<{ children?: ComponentChildren }, { failed: boolean }> {
  override state = { failed: false };
  override componentDidCatch(error: unknown) {
    console.error(error);
    this.setState({ failed: true });
  }
  override render() {
    return this.state.failed ? <Broken /> : this.props.children;
  }
}

function Broken() {
  return (
    <Page title={t('page.broken')}>
      <p>{t('page.broken.text')}</p>
      <Button onClick={() => location.reload()}>{t('page.reload')}</Button>
    </Page>
  );
}

// ---- frame ----

const NAV = [
  ['/', 'nav.overview'],
  ['/sites', 'nav.sites'],
  ['/compare', 'nav.compare'],
  ['/fleet', 'nav.fleet'],
  ['/alerts', 'nav.alerts'],
] as const;

function isCurrent(path: string, to: string): boolean {
  return path === to || (to === '/sites' && (path.startsWith('/site/') || path.startsWith('/queue/')));
}

function Navigation({ path, alerts }: { path: string; alerts: boolean }) {
  return (
    <nav class="nav" aria-label={t('app.pages')}>
      <ul>
        {NAV.filter(([to]) => alerts || to !== '/alerts').map(([to, key]) => (
          <li key={to}>
            <Link to={to} aria-current={isCurrent(path, to) ? 'page' : undefined}>
              {t(key)}
              {to === '/alerts' && <FiringCount />}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function FiringCount() {
  const { data } = useAlerts();
  const pulse = useAlertPulse();
  const n = data?.alerts.filter((alert) => alert.phase === 'firing' && !alert.muted).length ?? pulse?.firing ?? 0;
  if (n === 0) return null;
  return (
    <Pill tone="bad">
      <span aria-hidden="true">{n}</span>
      <span class="sr">{t('nav.firing', { n })}</span>
    </Pill>
  );
}

function Settings() {
  const [open, setOpen] = useState(false); // on a narrow screen
  const about = useAbout();
  const zone = useZone();
  const language = useStore(lang);
  const choice = useStore(themeChoice);
  return (
    <>
      <div class="settings-switch">
        <Button tone="quiet" expanded={open} controls="settings" onClick={() => setOpen(!open)}>
          {t('app.settings')}
        </Button>
      </div>
      <div class={cls('settings', open && 'is-open')} id="settings" role="group" aria-label={t('app.settings')}>
        <Segmented<ZoneChoice>
          label={t('zone.label')}
          value={zone.choice}
          onChange={(value) => setParams({ zone: value === 'centre' ? null : value })}
          options={[
            { value: 'centre', label: t('zone.centre'), title: zone.choice === 'centre' ? zone.zone : (about?.zone ?? '') },
            { value: 'viewer', label: t('zone.viewer') },
            { value: 'utc', label: t('zone.utc') },
          ]}
        />
        <Segmented<ThemeChoice>
          label={t('theme.label')}
          value={choice}
          onChange={setTheme}
          options={[
            { value: 'auto', label: t('theme.auto') },
            { value: 'light', label: t('theme.light') },
            { value: 'dark', label: t('theme.dark') },
          ]}
        />
        <Segmented<Lang>
          label={t('lang.label')}
          value={language}
          onChange={(value) => {
            setLang(value);
            setParams({ lang: value });
          }}
          options={[
            { value: 'en', label: 'EN', title: 'English' },
            { value: 'zh', label: '中文', title: '简体中文' },
          ]}
        />
        <Button tone="quiet" onClick={() => signOut()} {...(about ? { title: t('session.as', { name: about.token }) } : {})}>
          {t('session.out')}
        </Button>
      </div>
    </>
  );
}

const MOMENT_MS = 2500; // so short an absence is no news
const BACK_SAID_MS = 6000;

// Said once when the collector goes and once when it is back, not each second.
function Away() {
  const { away_since } = useStore(reach);
  const { zone } = useZone();
  const [long, setLong] = useState(false);
  const [back, setBack] = useState(false);
  useEffect(() => {
    setBack(away_since === null && long);
    setLong(false);
    const timer = setTimeout(() => (away_since === null ? setBack(false) : setLong(true)), away_since === null ? BACK_SAID_MS : MOMENT_MS);
    return () => clearTimeout(timer);
  }, [away_since]);
  return (
    <div class="away" role="status" aria-live="polite">
      {long && away_since !== null && (
        <p>
          <strong>{t('fresh.away', { time: moment(away_since, zone, 'time') })}</strong> {t('fresh.away.text')}
        </p>
      )}
      {back && <span class="sr">{t('fresh.back')}</span>}
    </div>
  );
}

function Frame() {
  const { path } = usePlace();
  const about = useAbout();
  useFocusOnNavigation(path);
  useEffect(() => {
    if (about) sawInstance(about.instance);
  }, [about?.instance]);
  return (
    <>
      <a class="skip" href="#content">
        {t('app.skip')}
      </a>
      <header class="top">
        <Link to="/" class="brand">
          <img src="/favicon.svg" alt="" width="20" height="20" />
          <span>{t('app.name')}</span>
          {about?.name && <span class="brand-name">{about.name}</span>}
        </Link>
        <Navigation path={path} alerts={about?.features.alerts ?? true} />
        <Settings />
      </header>
      <Away />
      <main id="content" tabIndex={-1}>
        <Guard key={path}>{pageOf(path)}</Guard>
      </main>
    </>
  );
}

export function App() {
  const { token } = useStore(session);
  const language = useStore(lang);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  }, [language]);
  return token === null ? <SignIn key={language} /> : <Frame key={language} />;
}

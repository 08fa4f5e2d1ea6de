// Loaded before Dash: its client-side callbacks may come before our modules have run, so they speak by events.
{
  /** @param {string} name */
  const tell = (name) => (/** @type {unknown[]} */ ...detail) => {
    document.dispatchEvent(new CustomEvent(name, { detail }));
  };
  const page = /** @type {any} */ (window);
  page.dash_clientside = Object.assign({}, page.dash_clientside, {
    citywall: { operatorSaved: tell("citywall-operator"), drawer_series: tell("citywall-drawer-series"), drawer_alarm: tell("citywall-drawer-alarm") },
  });
}

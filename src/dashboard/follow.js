(() => {
  const link = document.getElementById("link");
  const say = (words, state) => {
    link.textContent = words;
    link.dataset.state = state;
  };
  const events = new EventSource("events" + location.search);
  // A connection that was lost and came back begins anew.
  events.addEventListener("open", () => {
    files.body.replaceChildren();
    say("live", "live");
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) say("the run is not to be reached any more", "gone");
    else say("the connection was lost; trying again", "lost");
  });
  events.addEventListener("message", (event) => {
    const news = JSON.parse(event.data);
    for (const [name, html] of Object.entries(news.parts)) {
      document.getElementById(name).innerHTML = html;
    }
    if (news.rows) {
      files.body.insertAdjacentHTML("beforeend", news.rows);
      files.changed();
    }
    if (news.over) {
      events.close();
      say("the run is over; this page stays as it is", "over");
    }
  });
})();

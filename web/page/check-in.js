// The page a poster's code leads to. Station and token stand in the fragment, which no browser sends to a server.
const [station, token] = location.hash.slice(1).split(".");
const said = document.getElementById("said");

// Random, kept on this phone alone: so that one rider counts once a day. The registry keeps no more than a hash.
function visitor() {
  let mine = localStorage.getItem("visitor");
  if (!mine) {
    mine = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    localStorage.setItem("visitor", mine);
  }
  return mine;
}

async function checkIn(outcome) {
  const answer = await fetch(`/v1/stations/${encodeURIComponent(station)}/check-ins`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ outcome, visitor: visitor(), token }),
  });
  return answer.ok ? "谢谢，已记录。 Thank you, noted." : "没有成功，请稍后再试。 That did not work; please try again later.";
}

for (const button of document.querySelectorAll("button")) {
  button.addEventListener("click", async () => {
    said.textContent = "…";
    said.textContent = await checkIn(button.value).catch(() => "没有网络。 No connection.");
  });
}

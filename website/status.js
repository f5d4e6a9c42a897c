const output = document.getElementById("api");
fetch("/api/health")
  .then((response) => { output.textContent = response.ok ? "well" : "not well"; })
  .catch(() => { output.textContent = "out of reach"; });

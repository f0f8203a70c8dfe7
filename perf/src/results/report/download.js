// Offers the document inside this page as a file.
(() => {
  const button = document.getElementById("download");
  button.hidden = false;
  button.addEventListener("click", () => {
    const raw = document.getElementById("raw").textContent;
    // Written anew, as what stands here escapes what would end its element.
    const text = JSON.stringify(JSON.parse(raw), null, 2) + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
})();

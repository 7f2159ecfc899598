// What makes the pages comfortable. Every page works without it.
"use strict";

// A form that asks before it does something that cannot be undone.
document.addEventListener("submit", (e) => {
  const question = e.submitter?.dataset.confirm ?? e.target.dataset.confirm;
  if (question && !window.confirm(question)) e.preventDefault();
});

/** Shows, of what each `<select>` lists, what is chosen. */
export const chooserScript = `
for (const select of document.querySelectorAll('.chooser select')) {
  const show = () => {
    for (const { value, selected } of select.options) document.getElementById(value).hidden = !selected;
  };
  select.addEventListener('change', show);
  select.closest('.chooser').hidden = false;
  show();
}
`;

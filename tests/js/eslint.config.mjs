// Lint of the page's scripts: run from the root of the repository, as `.ci/run` does.
import js from "@eslint/js";
import globals from "globals";

const MARKUP = "strangers' text reaches the page by textContent";
const properties = ["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "srcdoc"];

export default [
  js.configs.recommended,
  {
    files: ["components/**/*.js", "spaces_app/ui/**/*.js"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    rules: {
      "array-callback-return": ["error", { checkForEach: false }],
      "eqeqeq": "error",
      "max-lines": ["error", 300],
      "max-lines-per-function": ["error", 60],
      "max-params": ["error", 8],
      "no-alert": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-implicit-globals": "error",
      "no-unused-vars": ["error", { args: "after-used" }],
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "no-restricted-properties": [
        "error",
        ...properties.map((property) => ({ property, message: MARKUP })),
        { object: "document", property: "write", message: MARKUP },
        { object: "document", property: "writeln", message: MARKUP },
      ],
    },
  },
];

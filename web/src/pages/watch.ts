import { startPage } from "./page";

await startPage();

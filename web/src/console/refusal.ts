/** Why something is not done, in a sentence for people. */
export class Refusal extends Error {
  override name = "Refusal";
}

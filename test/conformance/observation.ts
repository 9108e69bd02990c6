/** What was seen, by part (`status`, `header Date`, `body`): two peers agree where all parts are equal. */
export type Observation = ReadonlyMap<string, string>

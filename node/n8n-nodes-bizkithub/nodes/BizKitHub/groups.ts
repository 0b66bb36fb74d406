/** What separates groups in one text, as the client reads it. */
const SEPARATOR = ';';

/** The values of a field that takes several: of a list, of a list in it, or of one value. */
export function listOf(value: unknown): unknown[] {
	const values = Array.isArray(value) ? (value.flat() as unknown[]) : [value];
	return values.filter((item) => item !== undefined && item !== null && item !== '');
}

/** The groups of an item: texts become one, which the client separates; anything else is for the client to refuse. */
export function groupsOf(value: unknown): unknown {
	const groups = listOf(value);
	const areTexts = groups.every((group) => typeof group === 'string' || typeof group === 'number');
	return areTexts ? groups.join(SEPARATOR) : groups;
}

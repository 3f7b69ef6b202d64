/** Events by their ids. */
export type SampleEvents = Readonly<Record<string, { readonly name: string; readonly seats: number }>>;

export const SAMPLE_EVENTS: SampleEvents = {
  concert: { name: 'A concert', seats: 100 },
  reading: { name: 'A reading', seats: 12 },
};

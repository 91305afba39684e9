/**
 * Distances as round-trip times. They are twice the great circle at two thirds of the speed of light. Half
 * of that is added because cables do not follow great circles, and 2 ms for the equipment at the ends.
 */
export interface City {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

export const cities: readonly City[] = [
  { name: 'paris', latitude: 48.86, longitude: 2.35 },
  { name: 'lyon', latitude: 45.76, longitude: 4.84 },
  { name: 'frankfurt', latitude: 50.11, longitude: 8.68 },
  { name: 'madrid', latitude: 40.42, longitude: -3.7 },
  { name: 'warsaw', latitude: 52.23, longitude: 21.01 },
  { name: 'rome', latitude: 41.9, longitude: 12.5 },
  { name: 'stockholm', latitude: 59.33, longitude: 18.06 },
  { name: 'athens', latitude: 37.98, longitude: 23.73 },
  { name: 'lisbon', latitude: 38.72, longitude: -9.14 },
  { name: 'dublin', latitude: 53.35, longitude: -6.26 },
];

const earthKm = 6_371;
const kmPerMs = 200;

export function cityRttMs(a: City, b: City): number {
  return 2 + (1.5 * 2 * distanceKm(a, b)) / kmPerMs;
}

/** By name. */
export function city(name: string): City | undefined {
  return cities.find((each) => each.name === name);
}

/** Haversine. */
function distanceKm(a: City, b: City): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [latitudeA, latitudeB] = [radians(a.latitude), radians(b.latitude)];
  const h =
    Math.sin((latitudeB - latitudeA) / 2) ** 2 +
    Math.cos(latitudeA) *
      Math.cos(latitudeB) *
      Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  return 2 * earthKm * Math.asin(Math.sqrt(h));
}

import { expect, test } from 'vitest'
import { createOrderedListeners } from './ordered-listeners.ts'

test('every listener hears every event in the order of its emission, also of one within another', () => {
  const listeners = createOrderedListeners<number>()
  const heard: string[] = []
  listeners.add((event) => {
    heard.push(`first ${event}`)
    if (event === 1) listeners.emit(2)
  })
  listeners.add((event) => heard.push(`second ${event}`))
  listeners.emit(1)
  expect(heard).toEqual(['first 1', 'second 1', 'first 2', 'second 2'])
})

test('a listener that has stopped hears nothing more, not even of the event at hand', () => {
  const listeners = createOrderedListeners<number>()
  const heard: number[] = []
  listeners.add(() => stop())
  const stop = listeners.add((event) => heard.push(event))
  listeners.emit(1)
  listeners.clear()
  listeners.emit(2)
  expect(heard).toEqual([])
})

test('the same function may listen twice', () => {
  const listeners = createOrderedListeners<number>()
  const heard: number[] = []
  const listener = (event: number) => void heard.push(event)
  const stop = listeners.add(listener)
  listeners.add(listener)
  stop()
  listeners.emit(1)
  expect(heard).toEqual([1])
})

test('the error of a listener is uncaught, and harms nobody else', async () => {
  const listeners = createOrderedListeners<number>()
  const heard: number[] = []
  const uncaught = new Promise((resolve) => {
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => {
      for (const other of others) process.on('uncaughtException', other)
      resolve(error)
    })
  })
  listeners.add(() => {
    throw new Error('mine')
  })
  listeners.add((event) => heard.push(event))
  listeners.emit(1)
  expect(heard).toEqual([1])
  expect(await uncaught).toMatchObject({ message: 'mine' })
})
